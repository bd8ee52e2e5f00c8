// The text of a pipeline, `cache{policy=scr,capacity=30GB},dedupe`: read and written as couler_plugins/options/grammar.py does.

export type Pass = { name: string; options: [name: string, values: string[]][] };

// Blanks and bare words as Python has them: `\s` of JavaScript knows some other characters.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORD = `[^${SPACE},{}=|"']+`;
const BLANKS = new RegExp(`[${SPACE}]*`, "uy");
const BARE = new RegExp(WORD, "uy");
const CLASS = new RegExp(`${WORD}\\.py:[A-Za-z_][A-Za-z0-9_]*`, "uy");
const NAME = /[A-Za-z0-9][A-Za-z0-9_.-]*/uy;
const DOUBLE = /"(?:[^"\\]|\\.)*"/suy;
const SINGLE = /'[^']*'/uy;
const ONLY_BARE = new RegExp(`^${WORD}$`, "u");

class Reader {
  private at = 0;
  constructor(private readonly text: string) {
    this.blanks();
  }

  passes(): Pass[] {
    const passes: Pass[] = [];
    while (this.at < this.text.length) {
      if (passes.length && !this.skip(",")) throw this.error("expected a comma or the end here");
      passes.push(this.pass());
    }
    return passes;
  }

  private pass(): Pass {
    const name = this.match(CLASS) ?? this.take(NAME, "expected a name here");
    const options: Pass["options"] = [];
    if (this.skip("{") && !this.skip("}")) {
      do {
        const option = this.take(NAME, "expected a name here");
        if (options.some(([other]) => other === option)) throw this.error(`the option “${option}” is given twice`);
        if (!this.skip("=")) throw this.error(`expected “=” after “${option}”`);
        options.push([option, this.values()]);
      } while (this.skip(","));
      if (!this.skip("}")) throw this.error("expected “,” or “}” here");
    }
    return { name, options };
  }

  private values(): string[] {
    if (/^[,}]/.test(this.text.slice(this.at, this.at + 1))) return [];
    const values = [this.value()];
    while (this.skip("|")) values.push(this.value());
    return values;
  }

  private value(): string {
    const start = this.at;
    const first = this.text[start];
    if (first === "'") return this.take(SINGLE, "the quote is not closed").slice(1, -1);
    if (first !== '"') return this.take(BARE, "expected a value here");
    const quoted = this.take(DOUBLE, "the quote is not closed");
    try {
      return JSON.parse(quoted.replace(/[\x00-\x1f]/g, escaped)) as string;
    } catch {
      this.at = start;
      throw this.error("this is not a text as in JSON");
    }
  }

  private take(pattern: RegExp, otherwise: string): string {
    const text = this.match(pattern);
    if (text === null) throw this.error(otherwise);
    return text;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return null;
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
    BLANKS.lastIndex = this.at;
    BLANKS.exec(this.text);
    this.at = Math.max(this.at, BLANKS.lastIndex);
  }

  private error(message: string): Error {
    return new Error(`column ${this.at + 1}: ${message}`);
  }
}

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * Read a pipeline.
 *
 * Throws an error that names the column where the text goes wrong, from 1.
 */
export function readPipeline(text: string): Pass[] {
  return new Reader(text).passes();
}

/** Write the text that `readPipeline`, and the server, read as these passes. */
export function writePipeline(passes: Pass[]): string {
  return passes
    .map(({ name, options }) => {
      const texts = options.map(([option, values]) => `${option}=${values.map(quoted).join("|")}`);
      return texts.length ? `${name}{${texts.join(",")}}` : name;
    })
    .join(",");
}

const quoted = (text: string) => (ONLY_BARE.test(text) ? text : JSON.stringify(text));

/** The passes with one more: before all that have to stand behind it, else at the end. */
export function withPass(passes: Pass[], pass: Pass, before: string[]): Pass[] {
  const behind = passes.findIndex((other) => before.includes(other.name));
  const place = behind < 0 ? passes.length : behind;
  return [...passes.slice(0, place), pass, ...passes.slice(place)];
}
