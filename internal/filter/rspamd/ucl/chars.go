package ucl

// The classes of characters (libucl, ucl_chartable.h). Where a text ends, libucl
// meets a null byte.

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// endsValue reports whether an unquoted value ends before c.
func endsValue(c byte) bool {
	switch c {
	case 0, '\n', '\r', '#', ',', ';', ']', '}':
		return true
	}
	return false
}

func startsKey(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '/' || c == '_' || c >= 0x80
}

func inKey(c byte) bool { return startsKey(c) || c == '-' || c == '.' }

func endsKey(c byte) bool { return c == ' ' || c == '\t' || c == ':' || c == '=' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}
