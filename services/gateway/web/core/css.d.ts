// Styles are imported for what they do, and have nothing to give.
declare module '*.css' {}
