package calls

import (
	"strconv"
	"strings"
)

// Code is a program without its comments, documentation and layout, so that two
// which are equal in it do the same.
func Code(lang Language, text string) string {
	var b strings.Builder
	for _, t := range scan(lang, text, 1).tokens {
		switch t.sort {
		case literal, command:
			b.WriteString(strconv.Quote(t.text))
		default:
			b.WriteString(t.text)
		}
		b.WriteByte(' ')
	}
	return b.String()
}
