package smtpdconf

func (p *parser) looksOld() bool { return false }

func (p *parser) oldStatement(w string) error { return p.syntaxError() }
