/** Atomic operations in Lua. A script declares all keys it touches, and they share a slot. */

/** Adds and sets the expiry in one step: a key must not be left without one. */
export const increment = `local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`

export const replace = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

export const deleteIf = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`

/** Pushes one by one, as `unpack` is limited to some thousand arguments. */
export const append = `local length = redis.call('LLEN', KEYS[1])
if ARGV[2] ~= '' and length ~= tonumber(ARGV[2]) then return -1 end
for i = 3, #ARGV do length = redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return length`

export const shift = `local front = redis.call('LRANGE', KEYS[1], 0, #ARGV - 1)
for i = 1, #ARGV do if front[i] ~= ARGV[i] then return 0 end end
redis.call('LTRIM', KEYS[1], #ARGV, -1)
return 1`

const clock = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`

export const schedule = `${clock}redis.call('ZADD', KEYS[1], text(now + ARGV[1]), ARGV[2])
return 1`

export const claim = `${clock}local at = text(now + ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now), 'LIMIT', 0, ARGV[2])
for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], at, member) end
table.insert(due, 1, at)
return due`

export const unschedule = `local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or tonumber(at) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])`

/** The rules of `ledger.ts`: a hash of caps and holds, a sorted set of due times. All text. */
const ledger = `${clock}local rows, due = KEYS[1], KEYS[2]
local input = cjson.decode(ARGV[1])
local longest = input.lateMs
local function state(key)
  local row = redis.call('HGET', rows, 'c:' .. key)
  if not row then return nil end
  local used, held, expires = string.match(row, '^(%S+) (%S+) (%S+)$')
  expires = tonumber(expires)
  if expires <= now then return nil end
  return { used = tonumber(used), held = tonumber(held), expires = expires }
end
local function change(key, used, held, ttl)
  local row = state(key)
  if not row and ttl == 0 then return end
  row = row or { used = 0, held = 0, expires = 0 }
  used, held = math.max(0, row.used + used), math.max(0, row.held + held)
  local expires = math.max(row.expires, now + ttl)
  redis.call('HSET', rows, 'c:' .. key, text(used) .. ' ' .. text(held) .. ' ' .. text(expires))
  redis.call('ZADD', due, text(expires), 'c:' .. key)
  longest = math.max(longest, expires - now)
end
local function find(id)
  local row = redis.call('HGET', rows, 'h:' .. id)
  return row and cjson.decode(row)
end
local function put(id, live, amounts, at)
  redis.call('HSET', rows, 'h:' .. id, cjson.encode({ live = live, amounts = amounts }))
  redis.call('ZADD', due, text(at), 'h:' .. id)
  longest = math.max(longest, at - now)
end
local function forget(field)
  redis.call('HDEL', rows, field)
  redis.call('ZREM', due, field)
end
for _, field in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', text(now), 'LIMIT', 0, 1000)) do
  local id = string.sub(field, 3)
  local hold = string.sub(field, 1, 1) == 'h' and find(id)
  if hold and hold.live then
    for key, amount in pairs(hold.amounts) do change(key, tonumber(amount), -tonumber(amount), 0) end
    put(id, false, hold.amounts, now + input.lateMs)
  else forget(field) end
end
local known = find(input.id)
local function answer(first)
  for _, key in ipairs({ rows, due }) do
    if redis.call('PTTL', key) < longest then redis.call('PEXPIRE', key, text(longest)) end
  end
  local out = { first, text(now) }
  for _, cap in ipairs(input.caps) do
    local row = state(cap.key)
    table.insert(out, row and text(row.used) or '0')
    table.insert(out, row and text(row.held) or '0')
  end
  return out
end
`

export const hold = `${ledger}for _, cap in ipairs(input.caps) do
  local had = tonumber(known and known.amounts[cap.key] or 0)
  if cap.held then cap.amount = math.max(0, cap.held + cap.amount - had) end
  local row = state(cap.key) or { used = 0, held = 0 }
  if cap.amount > 0 and row.used + row.held + cap.amount > cap.limit then return answer('0') end
end
local amounts = known and known.amounts or {}
if known and not known.live then
  for key, amount in pairs(amounts) do change(key, -tonumber(amount), tonumber(amount), 0) end
end
for _, cap in ipairs(input.caps) do
  amounts[cap.key] = text((tonumber(amounts[cap.key]) or 0) + cap.amount)
  change(cap.key, 0, cap.amount, cap.ttlMs)
end
put(input.id, true, amounts, now + input.leaseMs)
return answer('1')`

export const settle = `${ledger}for key, amount in pairs(known and known.amounts or {}) do
  amount = tonumber(amount)
  change(key, known.live and 0 or -amount, known.live and -amount or 0, 0)
end
local amounts = {}
for _, cap in ipairs(input.caps) do
  amounts[cap.key] = text(cap.amount)
  change(cap.key, cap.amount, 0, cap.ttlMs)
end
put(input.id, false, amounts, now + input.lateMs)
return answer('1')`
