package reward

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

var (
	loneNumber   = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	loneInteger  = regexp.MustCompile(`^\d+$`)
	sizedBracket = regexp.MustCompile(`\\(?:left|right)([()|\[\]\\])`)
	plainBracket = regexp.MustCompile(`^([(\[])([^()\[\]{}]*)([)\]])$`)
	aroundSigns  = regexp.MustCompile(`\s*([=+,])\s*`)
	fractionOf   = regexp.MustCompile(`^\\d?frac\{(\d+)\}\{(\d+)\}$`)
	digitsOver   = regexp.MustCompile(`\\[dt]?frac\{(\d)\}\{(\d)\}`)
	notANumber   = regexp.MustCompile(`([\[,:]\s*)NaN`) // as Python writes JSON
	bareList     = regexp.MustCompile(`^[^()\[\]!a-zA-Z]+(?:, [^()\[\]!a-zA-Z]+)+$`)
	tupleOf      = regexp.MustCompile(`^\((-?\d+),\s*(-?\d+)\)$`)
	pairOf       = regexp.MustCompile(`^([(\[])([^,()\[\]]+),([^,()\[\]]+)([)\]])$`)
	numberedRoot = regexp.MustCompile(`\\sqrt\{(\d)\}`)
)

// rewritten returns spellings of gold that mean the same.
func rewritten(gold string) []string {
	forms := []string{
		gold, " " + gold + " ", "$" + gold + "$", gold + ".", "\n" + gold + "\n",
		strings.ReplaceAll(gold, `\frac`, `\dfrac`),
		sizedBracket.ReplaceAllString(gold, "$1"),
	}
	if strings.Contains(gold, "$") || strings.Contains(gold, `\text`) || !strings.ContainsAny(gold, `\^`) {
		forms = forms[:2]
	} else {
		forms = append(forms, aroundSigns.ReplaceAllString(gold, " $1 "), strings.ReplaceAll(gold, `\dfrac`, `\tfrac`),
			`\(`+gold+`\)`, `\[ `+gold+` \]`, `\boxed{`+gold+"}", gold+`\,`,
			digitsOver.ReplaceAllString(gold, `\frac$1$2`), digitsOver.ReplaceAllString(gold, `{$1\over $2}`),
			numberedRoot.ReplaceAllString(gold, `\sqrt$1`), strings.ReplaceAll(gold, `\pi`, `{\pi}`), strings.ReplaceAll(gold, `\cdot`, `\times`))
	}
	if m := plainBracket.FindStringSubmatch(gold); m != nil && strings.Contains(m[2], ",") {
		forms = append(forms, `\left`+m[1]+" "+m[2]+` \right`+m[3], `\bigl`+m[1]+m[2]+`\bigr`+m[3])
	}
	if loneInteger.MatchString(gold) {
		forms = append(forms, gold+".0", gold+".", `\text{`+gold+"}", "0"+gold, `\boxed{`+gold+"}", gold+`\text{ units}`, "x = "+gold, `\frac{`+gold+"}{1}",
			"+"+gold, "{"+gold+"}", gold+".00", `\mathbf{`+gold+"}", "**"+gold+"**", "("+gold+")", gold+`\cdot 1`, `\frac{2\cdot `+gold+"}{2}")
	}
	if loneInteger.MatchString(gold) && len(gold) > 3 && gold[0] != '0' {
		for _, separator := range []string{",", "{,}", `,\!`, `\,`, " "} {
			forms = append(forms, grouped(gold, separator))
		}
	}
	if m := fractionOf.FindStringSubmatch(gold); m != nil {
		forms = append(forms, m[1]+"/"+m[2], `\frac{-`+m[1]+"}{-"+m[2]+"}", `\frac{2 \cdot `+m[1]+"}{2 \\cdot "+m[2]+"}", `\left(`+gold+`\right)`,
			"("+m[1]+")/("+m[2]+")", "{"+m[1]+` \over `+m[2]+"}", m[1]+` \div `+m[2], m[1]+" / "+m[2])
		forms = append(forms, decimals(m[1], m[2])...)
	}
	if bareList.MatchString(gold) && !strings.ContainsAny(gold, "=") {
		items := strings.Split(gold, ",")
		slices.Reverse(items)
		forms = append(forms, strings.Join(items, ", "), `\{`+gold+`\}`, strings.Join(items, `\text{ and }`), strings.Join(items, ";"))
	}
	return forms
}

// grouped writes an integer in groups of three digits.
func grouped(digits, separator string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return digits
}

// decimals returns the fraction as a decimal, where it is one of a few digits,
// and as a mixed number, where it is over one.
func decimals(numerator, denominator string) []string {
	r, ok := new(big.Rat).SetString(numerator + "/" + denominator)
	if !ok {
		return nil
	}
	var forms []string
	if d, exact := r.FloatPrec(); exact {
		forms = append(forms, r.FloatString(d), r.FloatString(d+2))
	}
	if whole, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int)); whole.Sign() > 0 && rest.Sign() > 0 {
		forms = append(forms, fmt.Sprintf(`%s\frac{%s}{%s}`, whole, rest, r.Denom()), fmt.Sprintf("%s %s/%s", whole, rest, r.Denom()))
	}
	return forms
}

// changed returns answers with another value than gold.
func changed(gold string) []string {
	var forms []string
	switch {
	case loneNumber.MatchString(gold):
		forms = append(forms, gold+"1", gold+"+1", "1+"+gold, gold+" or 1", gold+", "+gold+"1", "2"+gold, gold+" and 0", "("+gold+","+gold+")",
			"x>"+gold, gold+`\pm 1`, gold+"="+gold+"1", "not "+gold, gold+" is wrong")
		if strings.Trim(gold, "-0.") != "" {
			forms = append(forms, "-("+gold+")", `\frac{1}{`+gold+`1}`, gold+"i", "10("+gold+")", `\pm `+gold, gold+`\sqrt{2}`, gold+"x", gold+`\cdot\pi`)
		}
	case fractionOf.MatchString(gold):
		m := fractionOf.FindStringSubmatch(gold)
		forms = append(forms, "-"+gold, gold+"+1", gold+`\pi`, m[1]+m[2], m[1]+"."+m[2], "("+m[1]+","+m[2]+")", m[1], m[2]+","+m[1])
		if m[1] != m[2] {
			forms = append(forms, `\frac{`+m[2]+"}{"+m[1]+"}")
		}
	case tupleOf.MatchString(gold):
		m := tupleOf.FindStringSubmatch(gold)
		forms = append(forms, "["+m[1]+","+m[2]+"]", m[1], "("+m[1]+","+m[2]+",0)", m[1]+","+m[2], `\{`+m[1]+","+m[2]+`\}`, "("+m[1]+","+m[2]+"1)", m[1]+m[2])
		if m[1] != m[2] {
			forms = append(forms, "("+m[2]+","+m[1]+")")
		}
	default:
		forms = append(forms, gold+"+123457", "123457", "-("+gold+")-123457", gold+" or 123457", `\frac{123457}{`+gold+"}", "("+gold+")+1", "not "+gold)
		if !strings.Contains(gold, "pm") && !strings.HasPrefix(gold, "0 ") {
			forms = append(forms, "-("+gold+")", "2("+gold+")")
		}
		if m := pairOf.FindStringSubmatch(gold); m != nil && strings.TrimSpace(m[2]) != strings.TrimSpace(m[3]) {
			forms = append(forms, m[1]+m[3]+","+m[2]+m[4])
		}
	}
	return forms
}
