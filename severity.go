package waxseal

import "fmt"

// Severity says how much an unexplained change matters to mail.
type Severity int

// The levels, weakest first. docs/severity.md says when each is given.
const (
	None Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"none", "info", "low", "medium", "high", "critical"}

func (s Severity) String() string {
	if s < None || s > Critical {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityNames[s]
}

// ParseSeverity reads the lower-case name of a level.
func ParseSeverity(s string) (Severity, error) {
	for i, name := range severityNames {
		if s == name {
			return Severity(i), nil
		}
	}
	return None, fmt.Errorf("unknown severity %q: want none, info, low, medium, high or critical", s)
}

// MarshalText writes the name of the level.
func (s Severity) MarshalText() ([]byte, error) {
	if s < None || s > Critical {
		return nil, fmt.Errorf("no such severity: %d", int(s))
	}
	return []byte(severityNames[s]), nil
}

// UnmarshalText reads the name of a level.
func (s *Severity) UnmarshalText(text []byte) error {
	v, err := ParseSeverity(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
