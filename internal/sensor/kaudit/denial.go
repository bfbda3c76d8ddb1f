package kaudit

import (
	"strings"

	"waxseal"
)

// Denial says what AppArmor or SELinux denied in an event, in the words of the record
// (type=AVC), "" where it is none.
func Denial(e *waxseal.AuditEvent) string {
	for _, line := range e.Raw {
		if !strings.Contains(line, "type=AVC ") || strings.Contains(line, `apparmor="ALLOWED"`) || strings.Contains(line, "permissive=1") {
			continue
		}
		if strings.Contains(line, `apparmor="DENIED"`) || strings.Contains(line, "denied") {
			_, text, _ := strings.Cut(line, "): ")
			return strings.TrimSpace(text)
		}
	}
	return ""
}
