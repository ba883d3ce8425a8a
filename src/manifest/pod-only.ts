/** Stands for what only a pod knows, such as its name. It is a label of RFC 1123, so that a config which names it is valid here. */
export const POD_ONLY = 'in-the-pod';
