// Alert levels from calm to worst.
export const LEVELS = ['none', 'blue', 'yellow', 'orange', 'red'];
