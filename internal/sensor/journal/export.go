package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Read reads a recorded journal: a file of journald, or what journalctl(1) wrote with
// -o export or -o json. Entries before an error are returned with it.
func Read(text []byte) ([]Entry, error) {
	switch start := bytes.TrimLeft(text, " \n"); {
	case bytes.HasPrefix(text, []byte(signature)):
		return readFile(text)
	case bytes.HasPrefix(start, []byte("{")):
		return readJSON(start)
	case len(start) == 0:
		return nil, nil
	}
	list, err := readExport(text)
	if err == nil && !bytes.Contains(text, []byte("__REALTIME_TIMESTAMP=")) {
		err = errNoJournal
	}
	return list, err
}

// readFile reads all entries of a file of journald.
func readFile(text []byte) (list []Entry, err error) {
	r := newReader(bytes.NewReader(text))
	h, err := readHeader(r.f)
	if err != nil {
		return nil, err
	}
	var at cursor
	damaged := 0
	for {
		offset, ok, wrong := at.next(r.f, h)
		if wrong != nil {
			return list, errors.Join(err, wrong)
		}
		if !ok {
			return list, err
		}
		e, wrong := r.entry(h, offset)
		if wrong != nil {
			if damaged++; damaged == 1 {
				err = wrong
			}
			if damaged > maxDamage {
				return list, err
			}
		}
		list = append(list, e)
	}
}

// put keeps a field of an exported entry.
func (e *Entry) put(name, value string) {
	if name == "__REALTIME_TIMESTAMP" {
		n, _ := strconv.ParseUint(value, 10, 64)
		e.Time = micro(n)
	}
	if _, twice := e.Fields[name]; !twice && wanted[name] && len(value) <= maxField {
		e.Fields[name] = value
	}
}

// readExport reads the export format (systemd, "Journal Export Formats"): lines of
// NAME=value; a value that is no plain text has a line of its own name, eight bytes with
// its length, and itself. An empty line ends an entry.
func readExport(b []byte) (list []Entry, err error) {
	e := Entry{Fields: map[string]string{}}
	end := func() {
		if len(e.Fields) > 0 {
			list = append(list, e)
		}
		e = Entry{Fields: map[string]string{}}
	}
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if len(line) == 0 {
			end()
			continue
		}
		if name, value, plain := bytes.Cut(line, []byte("=")); plain {
			e.put(string(name), string(value))
			continue
		}
		if len(b) < 8 || binary.LittleEndian.Uint64(b) >= uint64(len(b)-8) {
			end()
			return list, fmt.Errorf("the value of %.60q is cut short: it is no export of a journal, or not all of it", line)
		}
		size := binary.LittleEndian.Uint64(b)
		e.put(string(line), string(b[8:8+size]))
		b = bytes.TrimPrefix(b[8+size:], []byte("\n"))
	}
	end()
	return list, nil
}

// readJSON reads one object for each entry. A value that is no text is a list of bytes, or
// of values where the field is there several times.
func readJSON(b []byte) (list []Entry, err error) {
	in := json.NewDecoder(bytes.NewReader(b))
	for in.More() {
		var fields map[string]json.RawMessage
		if err := in.Decode(&fields); err != nil {
			return list, err
		}
		e := Entry{Fields: map[string]string{}}
		for name, raw := range fields {
			if value, ok := plain(raw); ok {
				e.put(name, value)
			}
		}
		list = append(list, e)
	}
	return list, nil
}

// plain is the text of a value, of the first where there are several.
func plain(raw json.RawMessage) (string, bool) {
	if text, ok := textOf(raw); ok {
		return text, true
	}
	var values []json.RawMessage
	if json.Unmarshal(raw, &values) != nil || len(values) == 0 {
		return "", false
	}
	return textOf(values[0])
}

// textOf reads a text, or a list of bytes.
func textOf(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	var codes []int
	if json.Unmarshal(raw, &codes) != nil || len(codes) == 0 {
		return "", false
	}
	b := make([]byte, len(codes))
	for i, c := range codes {
		b[i] = byte(c)
	}
	return string(b), true
}
