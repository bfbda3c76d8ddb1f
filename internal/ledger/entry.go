package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"waxseal"
)

// Kind is what an entry holds.
type Kind string

// The kinds of entry.
const (
	KindObservation Kind = "observation"
	KindChange      Kind = "change"
	KindFinding     Kind = "finding"
	KindSeal        Kind = "seal"
	KindTriage      Kind = "triage"
	KindKey         Kind = "key"
	KindPermit      Kind = "permit"
	KindPromotion   Kind = "promotion"
	KindSuppression Kind = "suppression"
)

func (k Kind) valid() bool {
	switch k {
	case KindObservation, KindChange, KindFinding, KindSeal, KindTriage, KindKey, KindPermit, KindPromotion, KindSuppression:
		return true
	default:
		return false
	}
}

// Entry is one line of the ledger.
type Entry struct {
	Index waxseal.Index   `json:"index"`
	Time  time.Time       `json:"time"`
	Kind  Kind            `json:"kind"`
	Body  json.RawMessage `json:"body"`
}

// Encode returns the canonical bytes of an entry: the bytes that are stored,
// hashed and shipped. Equal entries give equal bytes; the time is written in
// UTC and the body without white space between its tokens.
func Encode(e Entry) ([]byte, error) {
	return encode(e, json.Compact)
}

// encode is Encode with a body that comes into the entry by a function.
func encode(e Entry, write func(*bytes.Buffer, []byte) error) ([]byte, error) {
	switch {
	case e.Index < 0:
		return nil, fmt.Errorf("entry %d: index is negative", e.Index)
	case !e.Kind.valid():
		return nil, fmt.Errorf("entry %d: unknown kind %q", e.Index, e.Kind)
	case !utf8.Valid(e.Body):
		return nil, fmt.Errorf("entry %d: body is not UTF-8", e.Index)
	}
	at := e.Time.UTC()
	if y := at.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("entry %d: year %d cannot be written", e.Index, y)
	}
	var b bytes.Buffer
	b.Grow(len(e.Body) + 96)
	b.WriteString(`{"index":`)
	b.WriteString(strconv.FormatInt(int64(e.Index), 10))
	b.WriteString(`,"time":"`)
	b.WriteString(at.Format(time.RFC3339Nano))
	b.WriteString(`","kind":"`)
	b.WriteString(string(e.Kind))
	b.WriteString(`","body":`)
	start := b.Len()
	if err := write(&b, e.Body); err != nil {
		return nil, fmt.Errorf("entry %d: body: %w", e.Index, err)
	}
	if b.Len() == start || b.Bytes()[start] != '{' {
		return nil, fmt.Errorf("entry %d: body is not a JSON object", e.Index)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// errNotCanonical: the bytes mean an entry and are not its canonical form.
var errNotCanonical = errors.New("bytes are not the canonical form of the entry")

// Decode reads the canonical bytes of an entry. It accepts nothing that
// [Encode] would have written differently, so no two byte strings mean the same
// entry.
func Decode(record []byte) (Entry, error) {
	var e Entry
	d := json.NewDecoder(bytes.NewReader(record))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("entry is not readable: %w", err)
	}
	again, err := Encode(e)
	if err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(again, record) {
		return Entry{}, errNotCanonical
	}
	return e, nil
}
