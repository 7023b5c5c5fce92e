/** pages are the items of all pages of a list, which are asked for as they are needed. */
export declare function pages<P, T>(cursor: string | undefined, ask: (cursor?: string) => Promise<P>, items: (page: P) => T[], next: (page: P) => string | undefined): AsyncGenerator<T, void>;
