package reward

import "strings"

// decimal brings a decimal number, with commas between groups of three digits or
// without, to its shortest spelling. It reports false for all other texts. Most
// answers are such numbers, which need no parser.
func decimal(s string) (string, bool) {
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.IndexByte(whole, ',') >= 0 {
		var ok bool
		if whole, ok = dropThousands(whole); !ok {
			return "", false
		}
	}
	if whole+fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return "", false
	}
	whole = strings.TrimLeft(whole, "0")
	fraction = strings.TrimRight(fraction, "0")
	switch {
	case whole == "" && fraction == "":
		return "0", true
	case fraction == "":
		return sign + whole, true
	case whole == "":
		whole = "0"
	}
	return sign + whole + "." + fraction, true
}

// dropThousands removes the commas of 1,234,567.
func dropThousands(whole string) (string, bool) {
	for i, group := range strings.Split(whole, ",") {
		if len(group) > 3 || len(group) == 0 || i > 0 && len(group) < 3 {
			return "", false
		}
	}
	return strings.ReplaceAll(whole, ",", ""), true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}
