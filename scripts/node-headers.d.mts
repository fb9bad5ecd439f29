export function nodeDirectory(): string | undefined;
