export const fee = 3;
