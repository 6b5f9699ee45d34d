/** The token estimate compared with the tokenizer of OpenAI's models. */
import fc from 'fast-check'
import { Tiktoken } from 'js-tiktoken/lite'
import o200k from 'js-tiktoken/ranks/o200k_base'
import { describe, expect, test } from 'vitest'
import { createTokenCounter, estimateTokens } from '../../src/chat/index.js'

const tokenizer = new Tiktoken(o200k)

const samples: Readonly<Record<string, string>> = {
  English: `The committee met again on Thursday to discuss whether the harbour should be widened. Several fishermen argued that larger ships would disturb the nesting grounds, while the town's merchants pointed out that trade had fallen by nearly a third since the railway opened.`,
  'English chat': `Sure! Here's how I'd do it: first, boil the water (about two litres), then add salt. If you don't have fresh basil, dried works too, though it's not quite the same. Want me to write the whole recipe down?`,
  German: `Der Ausschuss traf sich am Donnerstag erneut, um zu besprechen, ob der Hafen verbreitert werden sollte. Mehrere Fischer wandten ein, dass größere Schiffe die Brutplätze stören würden.`,
  French: `Le comité s'est réuni de nouveau jeudi pour décider si le port devait être élargi. Plusieurs pêcheurs ont fait valoir que de plus grands navires dérangeraient les zones de nidification.`,
  Spanish: `El comité se reunió de nuevo el jueves para decidir si el puerto debía ampliarse. Varios pescadores sostuvieron que los barcos más grandes molestarían a las aves.`,
  Vietnamese: `Ủy ban đã họp lại vào thứ Năm để quyết định xem có nên mở rộng bến cảng hay không. Một số ngư dân cho rằng tàu lớn hơn sẽ làm phiền nơi làm tổ của chim.`,
  Russian: `Комитет снова собрался в четверг, чтобы решить, следует ли расширять гавань. Несколько рыбаков возразили, что большие корабли потревожат гнездовья.`,
  'Russian chat': `Конечно! Сначала вскипятите воду (примерно два литра), потом добавьте соль. Если нет свежего базилика, подойдёт и сушёный, хотя вкус будет немного другим.`,
  Ukrainian: `Комітет знову зібрався в четвер, щоб вирішити, чи варто розширювати гавань. Кілька рибалок заперечили, що більші кораблі потривожать птахів.`,
  Greek: `Η επιτροπή συνεδρίασε ξανά την Πέμπτη για να αποφασίσει αν το λιμάνι έπρεπε να διευρυνθεί. Αρκετοί ψαράδες υποστήριξαν ότι τα πλοία θα ενοχλούσαν τα πουλιά.`,
  Arabic: `اجتمعت اللجنة مرة أخرى يوم الخميس لتقرر ما إذا كان ينبغي توسيع الميناء. وقال عدد من الصيادين إن السفن الكبيرة ستزعج أعشاش الطيور.`,
  'Arabic chat': `بالتأكيد! أولاً اغلِ الماء، حوالي لترين، ثم أضف الملح. إذا لم يكن لديك ريحان طازج فالمجفف يكفي، مع أن الطعم سيختلف قليلاً.`,
  Persian: `کمیته روز پنجشنبه دوباره تشکیل جلسه داد تا تصمیم بگیرد که آیا بندر باید گسترش یابد یا نه. بازرگانان یادآوری کردند که تجارت کاهش یافته است.`,
  Hebrew: `הוועדה התכנסה שוב ביום חמישי כדי להחליט אם יש להרחיב את הנמל. כמה דייגים טענו שאוניות גדולות יותר יפריעו לקינון הציפורים.`,
  Hindi: `समिति की बैठक गुरुवार को फिर हुई ताकि यह तय किया जा सके कि बंदरगाह को चौड़ा किया जाए या नहीं। व्यापारियों ने याद दिलाया कि व्यापार घट गया है।`,
  'Hindi chat': `ज़रूर! पहले पानी उबालें, लगभग दो लीटर, फिर नमक डालें। अगर ताज़ी तुलसी नहीं है तो सूखी भी चलेगी।`,
  Thai: `คณะกรรมการประชุมกันอีกครั้งในวันพฤหัสบดีเพื่อตัดสินใจว่าควรขยายท่าเรือหรือไม่`,
  Chinese: `委员会星期四再次开会，讨论是否应当拓宽港口。几位渔民认为更大的船只会惊扰鸟类的巢穴，而城里的商人则指出，自从铁路开通以来，贸易已经下降了将近三分之一。`,
  'Chinese, traditional': `委員會星期四再次開會，討論是否應當拓寬港口。幾位漁民認為更大的船隻會驚擾鳥類的巢穴，而城裡的商人則指出，貿易已經下降了將近三分之一。`,
  Japanese: `委員会は木曜日に再び集まり、港を広げるべきかどうかを話し合った。町の商人たちは、鉄道が開通して以来、取引がほぼ三分の一減ったと指摘した。`,
  Katakana: `インターネットのサービスプロバイダーは、アプリケーションのパフォーマンスをモニタリングするためのダッシュボードをユーザーに提供する。`,
  Korean: `위원회는 항구를 넓혀야 하는지 논의하기 위해 목요일에 다시 모였다. 몇몇 어부들은 더 큰 배가 새들의 둥지를 방해할 것이라고 주장했다.`,
  emoji: `😀🎉🚀 great job 👍🏽 see you 👩‍👩‍👧‍👦 at the 🏖️ tomorrow 🇫🇷❤️🔥✨ 😂😂😂`,
  TypeScript: `export async function load(path: string, { retries = 3 }: Options = {}): Promise<Data[]> {\n  for (let i = 0; i < retries; i++) {\n    const response = await fetch(\`\${base}/\${path}?page=\${i}\`)\n    if (response.ok) return (await response.json()) as Data[]\n  }\n  throw new Error('no answer after ' + retries)\n}\n`,
  Python: `def quicksort(items):\n    if len(items) <= 1:\n        return items\n    pivot = items[len(items) // 2]\n    left = [x for x in items if x < pivot]\n    right = [x for x in items if x > pivot]\n    return quicksort(left) + [pivot] + quicksort(right)\n`,
  JSON: JSON.stringify({
    id: 'call_1',
    name: 'search',
    arguments: { query: 'rivers of france', limit: 10, tags: ['water', 'geo'], deep: { a: true } },
  }),
  numbers: `12 908 77 45123 6 881 2 77781 90 12 45 6 7 88 13 999 1001 54 32 8`,
  figures: `3.14159 2026-11-29 1000000 42 17, 23, 99.5% 4155550123 00:15:42 1,234,567.89`,
  Markdown: `# Title\n\n- **First** item with \`code\`\n- Second item\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n1. One\n2. Two\n`,
}

describe('the token estimate', () => {
  test.each(Object.entries(samples))('%s is estimated within a quarter', (_, text) => {
    const real = tokenizer.encode(text).length
    expect(estimateTokens(text) / real).toBeGreaterThan(0.75)
    expect(estimateTokens(text) / real).toBeLessThan(1.27)
  })

  test('a text in pieces counts like the whole, wherever it is split', () => {
    const whole = Object.values(samples).join('\n')
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 200 }), (cuts) => {
        const counter = createTokenCounter()
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length]
        for (let i = 1; i < places.length; i++) counter.add(whole.slice(places[i - 1], places[i]))
        expect(counter.tokens).toBe(estimateTokens(whole))
      }),
    )
  })

  test('five letters in five pieces are one token, an empty text is none', () => {
    const counter = createTokenCounter()
    expect(counter.tokens).toBe(0)
    for (const letter of 'hello') counter.add(letter)
    expect(estimateTokens('hello')).toBe(counter.tokens)
    expect(counter.tokens).toBe(1)
  })

  test('any text has a finite count that is not negative', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const tokens = estimateTokens(text)
        expect(Number.isInteger(tokens) && tokens >= 0).toBe(true)
        expect(tokens).toBeLessThanOrEqual(2 * text.length + 1)
      }),
    )
  })
})
