// The text of a pipeline, `cache{policy=scr,capacity=30GB},dedupe`: read and written as couler_plugins/options/grammar.py does.

export type Pass = { name: string; options: [name: string, values: string[]][] };

const NAME = /[^\s,{}=|"']+/y;
const DOUBLE = /"(?:[^"\\]|\\.)*"/y;
const SINGLE = /'[^']*'/y;
const BARE = /^[^\s,{}=|"']+$/;

class Reader {
  private at = 0;
  constructor(private readonly text: string) {}

  passes(): Pass[] {
    const passes: Pass[] = [];
    this.blanks();
    while (this.at < this.text.length) {
      if (passes.length && !this.skip(",")) throw new Error(`expected a comma at ${this.at + 1}`);
      passes.push(this.pass());
    }
    return passes;
  }

  private pass(): Pass {
    const name = this.take(NAME);
    const options: Pass["options"] = [];
    if (this.skip("{") && !this.skip("}")) {
      do {
        const option = this.take(NAME);
        if (!this.skip("=")) throw new Error(`expected "=" at ${this.at + 1}`);
        options.push([option, this.values()]);
      } while (this.skip(","));
      if (!this.skip("}")) throw new Error(`expected "}" at ${this.at + 1}`);
    }
    return { name, options };
  }

  private values(): string[] {
    if (/[,}]/.test(this.text[this.at] ?? "}")) return [];
    const values = [this.value()];
    while (this.skip("|")) values.push(this.value());
    return values;
  }

  private value(): string {
    const first = this.text[this.at];
    if (first === '"') return JSON.parse(this.take(DOUBLE)) as string;
    if (first === "'") return this.take(SINGLE).slice(1, -1);
    return this.take(NAME);
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) throw new Error(`expected a name or a value at ${this.at + 1}`);
    this.at = pattern.lastIndex;
    this.blanks();
    return match[0];
  }

  private skip(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    this.blanks();
    return true;
  }

  private blanks(): void {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
  }
}

/** Read a pipeline; an error says where the text goes wrong. */
export function readPipeline(text: string): Pass[] {
  return new Reader(text).passes();
}

export function writePipeline(passes: Pass[]): string {
  return passes
    .map(({ name, options }) => {
      const texts = options.map(([option, values]) => `${option}=${values.map(quoted).join("|")}`);
      return texts.length ? `${name}{${texts.join(",")}}` : name;
    })
    .join(",");
}

const quoted = (text: string) => (BARE.test(text) ? text : JSON.stringify(text));

/** The passes with one more: before all that have to stand behind it, else at the end. */
export function withPass(passes: Pass[], name: string, before: string[]): Pass[] {
  const found = passes.findIndex((pass) => before.includes(pass.name));
  const place = found < 0 ? passes.length : found;
  return [...passes.slice(0, place), { name, options: [] }, ...passes.slice(place)];
}
