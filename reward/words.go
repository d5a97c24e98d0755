package reward

// functions are the names that take an argument, by what an answer may call them.
var functions = map[string]string{
	"sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc",
	"arcsin": "asin", "arccos": "acos", "arctan": "atan", "asin": "asin", "acos": "acos", "atan": "atan",
	"sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
	"ln": "log", "log": "log", "lg": "lg", "exp": "exp",
	"max": "max", "min": "min", "gcd": "gcd", "lcm": "lcm", "det": "det",
	"ceil": "ceil", "floor": "floor", "abs": "abs",
}

// operators are commands and words that stand for a token of another spelling.
var operators = map[string]string{
	"cdot": "*", "times": "*", "ast": "*", "div": "/", "pm": "pm", "mp": "mp",
	"le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">",
	"ne": "!=", "neq": "!=", "approx": "~", "in": "in", "cup": "cup", "bigcup": "cup", "union": "cup",
	"cap": "cap", "setminus": "setminus", "backslash": "setminus",
	"lfloor": "lfloor", "rfloor": "rfloor", "lceil": "lceil", "rceil": "rceil",
	"langle": "(", "rangle": ")", "lbrace": `\{`, "rbrace": `\}`, "lbrack": "[", "rbrack": "]",
	"lvert": "|", "rvert": "|", "vert": "|", "mid": "mid", "colon": ":",
	"frac": "frac", "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac", "over": "over", "choose": "choose", "binom": "binom", "dbinom": "binom", "tbinom": "binom",
	"sqrt": "sqrt", "circ": "deg", "degree": "deg", "prime": "'", "and": ",", "or": ",",
}

// ignored are commands that change only how an answer looks.
var ignored = set("left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr",
	"tiny", "small", "normalsize", "large", "Large", "LARGE", "huge", "Huge", "sf", "tt", "em", "checkmark", "blacksquare", "qed",
	"displaystyle", "textstyle", "scriptstyle", "limits", "quad", "qquad", "enspace", "thinspace", "rm", "bf", "it", "nonumber")

// wrappers are commands whose argument is text; accents are commands whose
// argument is a formula that means nearly the same without them, bars those of
// which digits do not.
var (
	wrappers = set("text", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "textsc", "mathrm", "mathbf",
		"mathit", "mathsf", "mathtt", "mathnormal", "textup", "pmb", "mathcal", "mathbb", "boldsymbol", "mbox", "hbox", "operatorname", "emph", "operatorname*", "bm")
	bars    = set("vec", "hat", "bar", "overline", "tilde", "widehat", "overrightarrow")
	accents = set("vec", "hat", "bar", "overline", "underline", "tilde", "widehat", "overrightarrow", "boxed", "fbox")
)

// lengths are commands with an argument that only moves what follows, or colors it.
var lengths = set("hspace", "vspace", "color", "textcolor")

// opaque are commands that no answer can be computed from.
var opaque = set("lim", "sum", "prod", "int", "iint", "oint", "ldots", "cdots", "dots", "vdots", "ddots", "dotsc",
	"rightarrow", "Rightarrow", "implies", "iff", "to", "equiv", "pmod", "bmod", "mod", "forall", "exists",
	"phantom", "input", "def", "newcommand", "overset", "underset", "stackrel", "cancel", "document")

// scales are words that multiply the number before them.
var scales = map[string]int64{"dozen": 12, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

// numerals are the words for small numbers.
var numerals = map[string]string{"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
	"seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
	"fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30",
	"forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}

// fractions are the words behind the numerator of a fraction in words.
var fractions = map[string]int64{"half": 2, "halves": 2, "third": 3, "thirds": 3, "fourth": 4, "fourths": 4, "quarter": 4, "quarters": 4,
	"fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8, "eighths": 8, "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10}

// notUnits are words that keep a phrase after a number from being its unit: they
// say something about the value.
var notUnits = set("not", "or", "but", "is", "are", "was", "than", "wrong", "incorrect", "false", "true", "minus", "plus",
	"times", "divided", "over", "root", "power", "th", "nd", "rd", "half", "third", "quarter", "maybe", "perhaps", "either", "except", "if", "when",
	"mod", "modulo", "base", "choose", "more", "less", "greater", "least", "most", "fewer", "factorial", "negative",
	"remainder", "because", "no", "none", "instead", "otherwise", "also", "approximately", "about", "answer", "followed")

// denials are words in front of an equation that keep it from being the answer.
var denials = set("not", "or", "but", "than", "except", "wrong", "incorrect", "false", "either", "maybe", "perhaps", "no", "none", "less", "more",
	"least", "most", "greater", "fewer", "if", "when", "unless", "nor", "never", "without", "neither", "hardly", "what", "which", "whose", "half", "twice", "double",
	"cannot", "nothing", "nobody", "between", "above", "below", "over", "under", "where", "while", "though", "although", "isn", "doubt", "guess")

// shortWords are words of two and three letters, which are no products of variables.
var shortWords = set("no", "on", "of", "to", "is", "it", "at", "so", "up", "as", "by", "if", "we", "us",
	"not", "nor", "non", "but", "yes", "yet", "the", "are", "was", "has", "had", "can", "may", "any", "all", "its", "for", "per", "you", "our", "who",
	"why", "how", "now", "out", "off", "too", "did", "does", "let", "see", "say", "isn", "ans")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
