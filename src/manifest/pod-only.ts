/** Stands for what only a pod knows, such as its name. It is a label of RFC 1123, so that a config which names it is valid here. */
export const POD_ONLY = 'in-the-pod';

/** Whether each pod has another one, of a name or path: no Role can name it, and no volume be mounted there. */
export function isOfPod(text: string): boolean {
  return text.includes(POD_ONLY);
}
