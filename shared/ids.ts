// What things are called between the engine and those who ask it: strings that one kind of thing has, and no other.
declare const brand: unique symbol;
export type DatabaseId = string & { readonly [brand]: 'DatabaseId' };
export type TargetId = string & { readonly [brand]: 'TargetId' };
export type OperationId = string & { readonly [brand]: 'OperationId' };
export type NamedPointId = string & { readonly [brand]: 'NamedPointId' };
