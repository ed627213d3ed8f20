// The demo's shop: its tables, its day-to-day transactions, and a checksum of all it holds.
// What a transaction does depends on its number only, so two shops with equal journals hold equal goods and orders
// (instants aside). Opening the file and the pace are writer.ts.
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';

/** What a shop holds at one moment: comparable between the live file and a restored one. */
export interface ShopContent {
  /** Number of the last transaction; 0 for an empty shop. */
  readonly n: number;
  readonly rows: Readonly<Record<string, number>>;
  /** SHA-256 over every row of every table, in key order. */
  readonly checksum: string;
}

const schema = `
  CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, street TEXT NOT NULL, since INTEGER NOT NULL);
  CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL);
  CREATE TABLE stock (product_id INTEGER PRIMARY KEY REFERENCES products(id), pieces INTEGER NOT NULL);
  CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('paid', 'cancelled')), cents INTEGER NOT NULL
  );
  CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders(id), line INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products(id),
    pieces INTEGER NOT NULL, cents INTEGER NOT NULL, PRIMARY KEY (order_id, line)
  ) WITHOUT ROWID;
  CREATE TABLE journal (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, entry TEXT NOT NULL);
  CREATE INDEX orders_by_customer ON orders(customer_id, at);
`;

const tables = ['customers', 'products', 'stock', 'orders', 'order_lines', 'journal'] as const;

const firstNames =
  'Ada Ben Carla David Elif Fatima Georg Hanna Ivan Julia Kofi Lena Marco Nadia Oskar Paula Rosa Samir Tom Vera'.split(
    ' ',
  );
const lastNames =
  'Becker Costa Dubois Fischer García Haddad Ivanova Jansen Kaya Lindqvist Moreau Nowak Okafor Petrov Rossi Schmidt'.split(
    ' ',
  );
const streets =
  'Harbour Road,Mill Lane,Station Street,Orchard Way,Church Square,Bridge Street,Garden Row,Quay Side'.split(',');
const goods =
  'Sourdough loaf,Rye bread,Butter croissant,Cinnamon roll,Espresso beans 250 g,House blend 1 kg,Earl Grey tin,Oat milk,Raw honey,Apricot jam,Orange marmalade,Olive oil,Sea salt,Dark chocolate,Almond biscuits,Lemon cake,Goat cheese,Aged gouda,Free-range eggs,Tomato passata'.split(
    ',',
  );

/** True once the shop's tables are there. */
export function isOpened(database: Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'journal'").get() !== undefined;
}

/** The first transaction: tables, goods, customers. The caller opened the transaction. */
export function openShop(database: Database, at: number): void {
  const dice = diceFor(0);
  database.exec(schema);
  const addProduct = database.prepare('INSERT INTO products (name, cents) VALUES (?, ?)');
  const addStock = database.prepare('INSERT INTO stock (product_id, pieces) VALUES (?, ?)');
  for (const name of goods) {
    const { lastInsertRowid } = addProduct.run(name, 190 + dice(1800));
    addStock.run(lastInsertRowid, 40 + dice(160));
  }
  for (let i = 0; i < 60; i += 1) addCustomer(database, dice, at);
  writeJournal(database, 1, at, 'Opened the shop');
}

/** One transaction of the day, number `n`: a sale mostly. The caller opened the transaction. */
export function trade(database: Database, n: number, at: number): void {
  const dice = diceFor(n);
  const chance = dice(100);
  if (chance < 70) writeJournal(database, n, at, sell(database, dice, at));
  else if (chance < 82) writeJournal(database, n, at, restock(database, dice));
  else if (chance < 92) writeJournal(database, n, at, `New customer ${addCustomer(database, dice, at)}`);
  else if (chance < 96) writeJournal(database, n, at, changePrice(database, dice));
  else writeJournal(database, n, at, cancelNewestOrder(database));
}

/** Number of the last transaction; 0 for an empty shop. */
export function lastNumber(database: Database): number {
  return database.prepare<[], number>('SELECT coalesce(max(n), 0) FROM journal').pluck().get() ?? 0;
}

/** Reads everything; call it inside a transaction when somebody writes. */
export function contentOf(database: Database): ShopContent {
  const hash = createHash('sha256');
  const rows: Record<string, number> = {};
  for (const table of tables) {
    let count = 0;
    for (const row of database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw().iterate()) {
      hash.update(JSON.stringify(row));
      count += 1;
    }
    hash.update(`${table}:${count};`);
    rows[table] = count;
  }
  return { n: lastNumber(database), rows, checksum: hash.digest('hex') };
}

type Dice = (sides: number) => number;

/** Numbers below `sides`, the same sequence for the same transaction (mulberry32). */
function diceFor(n: number): Dice {
  let state = Math.imul(n + 1, 0x9e37_79b1) >>> 0;
  return (sides) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

function pick(list: readonly string[], dice: Dice): string {
  return list[dice(list.length)] ?? '';
}

function addCustomer(database: Database, dice: Dice, at: number): string {
  const name = `${pick(firstNames, dice)} ${pick(lastNames, dice)}`;
  const street = `${pick(streets, dice)} ${1 + dice(120)}`;
  database.prepare('INSERT INTO customers (name, street, since) VALUES (?, ?, ?)').run(name, street, at);
  return name;
}

function sell(database: Database, dice: Dice, at: number): string {
  const customers = database.prepare<[], number>('SELECT max(id) FROM customers').pluck().get() ?? 1;
  const addOrder = database.prepare("INSERT INTO orders (customer_id, at, state, cents) VALUES (?, ?, 'paid', 0)");
  const order = addOrder.run(1 + dice(customers), at).lastInsertRowid;
  const addLine = database.prepare('INSERT INTO order_lines SELECT ?, ?, id, ?, ? * cents FROM products WHERE id = ?');
  const take = database.prepare('UPDATE stock SET pieces = pieces - ? WHERE product_id = ?');
  for (let line = 1, lines = 1 + dice(4); line <= lines; line += 1) {
    const product = 1 + dice(goods.length);
    const pieces = 1 + dice(3);
    addLine.run(order, line, pieces, pieces, product);
    take.run(pieces, product);
  }
  database
    .prepare('UPDATE orders SET cents = (SELECT sum(cents) FROM order_lines WHERE order_id = orders.id) WHERE id = ?')
    .run(order);
  return `Sold order ${order}`;
}

function restock(database: Database, dice: Dice): string {
  const least = database
    .prepare<[], number>('SELECT product_id FROM stock ORDER BY pieces, product_id LIMIT 1')
    .pluck();
  const product = least.get() ?? 1;
  const pieces = 20 + dice(60);
  database.prepare('UPDATE stock SET pieces = pieces + ? WHERE product_id = ?').run(pieces, product);
  return `Received ${pieces} pieces of product ${product}`;
}

function changePrice(database: Database, dice: Dice): string {
  const product = 1 + dice(goods.length);
  const cents = 190 + dice(1800);
  database.prepare('UPDATE products SET cents = ? WHERE id = ?').run(cents, product);
  return `Product ${product} costs ${cents} cents`;
}

function cancelNewestOrder(database: Database): string {
  const newest = database.prepare<[], number>("SELECT max(id) FROM orders WHERE state = 'paid'").pluck().get();
  if (newest === undefined || newest === null) return 'Counted the till';
  database
    .prepare(
      `UPDATE stock SET pieces = pieces + (SELECT sum(pieces) FROM order_lines WHERE order_id = @order AND order_lines.product_id = stock.product_id)
       WHERE product_id IN (SELECT product_id FROM order_lines WHERE order_id = @order)`,
    )
    .run({ order: newest });
  database.prepare('DELETE FROM order_lines WHERE order_id = ?').run(newest);
  database.prepare("UPDATE orders SET state = 'cancelled', cents = 0 WHERE id = ?").run(newest);
  return `Cancelled order ${newest}`;
}

function writeJournal(database: Database, n: number, at: number, entry: string): void {
  database.prepare('INSERT INTO journal (n, at, entry) VALUES (?, ?, ?)').run(n, at, entry);
}
