package detect

import "regexp"

// ReasonPatterns match the words of every sign, whatever its facts are.
func ReasonPatterns() []*regexp.Regexp {
	var list []*regexp.Regexp
	for _, r := range signs {
		text := regexp.MustCompile(`%0?\d*[a-z]`).ReplaceAllString(regexp.QuoteMeta(r.reason), ".*")
		list = append(list, regexp.MustCompile("^"+text+"$"))
	}
	return list
}
