export function generate(): string
