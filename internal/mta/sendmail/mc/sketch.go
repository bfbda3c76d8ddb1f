package mc

type sketch struct{}

func (m *machine) sketchLibrary(name string) bool { return false }

func (s *sketch) lines(macros map[string]string) string { return "" }
