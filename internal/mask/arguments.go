package mask

import (
	"slices"

	"waxseal"
)

// Arguments masks "name=secret" arguments of a command line, and the word after a flag
// that says that a secret follows; hid says whether there was one.
func (m *Masker) Arguments(argv []string) (masked []string, hid bool) {
	masked = slices.Clone(argv)
	for i, word := range argv {
		hidden := m.Text(waxseal.RoleConfig, word)
		if i > 0 && isSecretFlag(argv[i-1]) {
			hidden = m.Token(word)
		}
		masked[i], hid = hidden, hid || hidden != word
	}
	return masked, hid
}

func isSecretFlag(word string) bool {
	switch word {
	case "-p", "--password", "--passwd", "--pass", "--secret", "--token":
		return true
	}
	return false
}
