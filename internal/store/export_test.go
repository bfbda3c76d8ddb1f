package store

import "waxseal"

// Exec runs SQL on the writer's connection, for tests that damage things.
func (s *Store) Exec(query string, args ...any) error {
	_, err := s.write.Exec(query, args...)
	return err
}

// ReadText reads one text, for tests that look at the tables.
func (s *Store) ReadText(query string) (string, error) { return one[string](s.read, query) }

// Migrations is how many versions of the schema there are.
func Migrations() int { return len(migrations) }

// ReadWriterPragma reads a pragma of the writer's connection.
func (s *Store) ReadWriterPragma(name string) (string, error) {
	return one[string](s.write, "PRAGMA "+name)
}

// MayBe reports whether a decision makes sense where triage stands now.
func (t *Tx) MayBe(d waxseal.Triage) bool {
	stand, ok := t.stand(d.Finding)
	_, err := stand.After(d)
	return !ok || err == nil
}
