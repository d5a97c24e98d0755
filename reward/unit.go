package reward

import (
	"math/big"
	"strings"
)

// unit is a unit of measurement: its dimension and how many of the smallest unit
// of that dimension it is.
type unit struct {
	dimension string
	factor    *big.Rat
}

// unitTable has a line for each dimension: units from the first, which is the
// measure, each with the factor to it and its names.
var unitTable = map[string]string{
	"length": "1/1000000:nm,nanometer 1/1000:µm,micrometer,micron 1:mm,millimeter,millimetre 10:cm,centimeter,centimetre 1000:m,meter,metre 1000000:km,kilometer,kilometre " +
		"127/5:in,inch,inche 1524/5:ft,foot,feet 4572/5:yd,yard 1609344:mi,mile",
	"area":   "1:mm^2 100:cm^2 1000000:m^2,sqm 1000000000000:km^2",
	"volume": "1:ml,mL,milliliter,millilitre,cm^3 1000:l,L,liter,litre 1000000:m^3",
	"mass":   "1:mg,milligram 1000:g,gram 1000000:kg,kilogram",
	"weight": "1:oz,ounce 16:lb,pound",
	"time":   "1:ms,millisecond 1000:s,sec,second 60000:min,minute 3600000:h,hr,hour 86400000:day 604800000:week",
	"money":  "1:cent,¢ 100:dollar,usd,USD,buck",
	"euro":   "1:euro,€",
	"pound":  "1:£",
	"yuan":   "1:yuan,rmb,RMB,¥",
	"rupee":  "1:rupee,rs,Rs,₹",
	"degree": "1:deg,degree",
	"radian": "1:rad,radian",
	"speed":  "1:mph 1:kph,kmh",
	"count":  "1:unit,sq",
	"force":  "1:N,newton 1000:kN",
	"energy": "1:J,joule 1000:kJ,kilojoule 1000000:MJ",
	"power":  "1:W,watt 1000:kW,kilowatt 1000000:MW,megawatt",
	"volt":   "1:mV 1000:V,volt 1000000:kV",
	"hertz":  "1:Hz,hertz 1000:kHz 1000000:MHz 1000000000:GHz",
	"pascal": "1:Pa,pascal 1000:kPa 1000000:MPa",
	"ev":     "1:eV,ev 1000:keV 1000000:MeV 1000000000:GeV",
	"other":  "1:K,kelvin 1:mol,mole 1:F 1:C",
}

// currencies are what stands before an amount.
var currencies = map[string]string{"USD": "dollar", "€": "€", "£": "£", "₹": "rupee", "¥": "¥", "Rs": "rupee", "EUR": "€"}

// phrases are the short names of units of several words.
var phrases = map[string]string{"degree Fahrenheit": "degree F", "degree fahrenheit": "degree F", "degree Celsius": "degree C", "degree celsius": "degree C", "degree Celsiu": "degree C", "degree celsiu": "degree C",
	"mi/h": "mph"}

var units = readUnits()

func readUnits() map[string]unit {
	m := map[string]unit{}
	for dimension, line := range unitTable {
		for entry := range strings.FieldsSeq(line) {
			ratio, names, _ := strings.Cut(entry, ":")
			factor, _ := new(big.Rat).SetString(ratio)
			first, _, _ := strings.Cut(names, ",")
			for name := range strings.SplitSeq(names, ",") {
				of := dimension
				if dimension == "other" || dimension == "speed" || dimension == "count" {
					of = first // not to be converted
				}
				m[name] = unit{of, factor}
			}
		}
	}
	return m
}

// unitOf looks up a unit as an answer writes it, in singular or plural.
func unitOf(phrase string) (unit, bool) {
	if u, ok := units[phrase]; ok {
		return u, true
	}
	s := strings.ToLower(phrase)
	if u, ok := units[s]; ok {
		return u, true
	}
	u, ok := units[strings.TrimSuffix(s, "s")]
	return u, ok
}

// isUnitWord reports whether a word of two or more letters is a known unit.
func isUnitWord(word string) bool {
	_, ok := unitOf(word)
	return ok && len(word) > 1
}

// canonicalUnit brings phrases to one spelling: lower case, singular, powers of
// two and three for "square" and "cubic".
func canonicalUnit(phrase string) string {
	words := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(phrase, " per ", "/"), "/ ", "/"))
	power := ""
	kept := words[:0]
	for _, w := range words {
		switch lower := strings.ToLower(w); lower {
		case "square", "sq", "squared":
			power = "^2"
		case "cubic", "cu", "cubed":
			power = "^3"
		default:
			kept = append(kept, singular(w))
		}
	}
	s := shortQuotient(strings.Join(kept, " ") + power)
	if short := phrases[s]; short != "" {
		return short
	}
	if power == "" {
		return s
	}
	if short := shortUnits[strings.ToLower(kept0(kept))]; short != "" {
		return short + power
	}
	return s
}

// shortUnits are the short names of units that occur with powers and in quotients.
var shortUnits = map[string]string{"meter": "m", "metre": "m", "centimeter": "cm", "centimetre": "cm", "millimeter": "mm", "kilometer": "km", "kilometre": "km",
	"inch": "in", "inche": "in", "feet": "ft", "foot": "ft", "yard": "yd", "mile": "mi", "hour": "h", "hr": "h", "second": "s", "sec": "s", "minute": "min", "gram": "g", "kilogram": "kg"}

// singular drops the plural from a word and from what is above its slash.
func singular(w string) string {
	if above, below, ok := strings.Cut(w, "/"); ok {
		return singular(above) + "/" + below
	}
	return strings.TrimSuffix(strings.TrimSuffix(w, "s"), "es")
}

// shortQuotient brings kilometer/hour and km/hr to km/h.
func shortQuotient(s string) string {
	parts := strings.Split(s, "/")
	if len(parts) == 1 {
		return s
	}
	for i, part := range parts {
		base, power, raised := strings.Cut(part, "^")
		if short := shortUnits[strings.ToLower(base)]; short != "" {
			parts[i] = short
			if raised {
				parts[i] += "^" + power
			}
		}
	}
	return strings.Join(parts, "/")
}

func kept0(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// isScale reports whether a is degrees of the temperature scale that b leaves out.
func isScale(a, b string) bool {
	return b == "degree" && strings.HasPrefix(a, "degree ")
}

// sameUnit compares the units of two answers. An answer may leave its unit out.
// It returns the factor by which the second value is to be multiplied.
func sameUnit(a, b string) (*big.Rat, bool) {
	one := big.NewRat(1, 1)
	if a == "" || b == "" || strings.EqualFold(a, b) {
		return one, true
	}
	a, b = canonicalUnit(a), canonicalUnit(b)
	if strings.EqualFold(a, b) || isScale(a, b) || isScale(b, a) {
		return one, true
	}
	x, okX := unitOf(a)
	y, okY := unitOf(b)
	if !okX || !okY {
		// Nouns count things: "5 apples" and "5 red apples" are the same number.
		a, b = " "+strings.ToLower(a), " "+strings.ToLower(b)
		return one, okX == okY && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
	}
	if x.dimension != y.dimension {
		return nil, false
	}
	return new(big.Rat).Quo(y.factor, x.factor), true
}
