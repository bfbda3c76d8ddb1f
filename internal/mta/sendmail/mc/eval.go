package mc

import (
	"strconv"
	"strings"
)

// eval is the arithmetic of m4: whole numbers of 32 bits, the operators of C.
func eval(m *machine, a []string) {
	e := expression{text: arg(a, 1)}
	n := e.binary(0)
	if e.skip(); e.bad || e.at < len(e.text) {
		m.problem("no expression: " + clip(arg(a, 1)))
		return
	}
	m.give(strconv.Itoa(int(int32(n))))
}

type expression struct {
	text  string
	at    int
	depth int
	bad   bool
}

// levels are the operators, those that bind least first.
var levels = [][]string{{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<=", ">=", "<", ">"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (e *expression) skip() {
	for e.at < len(e.text) && strings.IndexByte(" \t\r\n", e.text[e.at]) >= 0 {
		e.at++
	}
}

func (e *expression) operator(level int) string {
	e.skip()
	rest := e.text[e.at:]
	for _, op := range levels[level] {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		longer := len(op) == 1 && len(rest) > 1 && (rest[1] == op[0] && strings.Contains("|&<>*", op) || op != "+" && op != "-" && rest[1] == '=' && strings.Contains("<>", op))
		if longer {
			continue
		}
		e.at += len(op)
		return op
	}
	return ""
}

func (e *expression) binary(level int) int64 {
	if level == len(levels) {
		return e.unary()
	}
	n := e.binary(level + 1)
	for op := e.operator(level); op != "" && !e.bad; op = e.operator(level) {
		n = e.apply(op, n, e.binary(level+1))
	}
	return n
}

func (e *expression) apply(op string, a, b int64) int64 {
	truth := map[bool]int64{true: 1}
	switch op {
	case "||":
		return truth[a != 0 || b != 0]
	case "&&":
		return truth[a != 0 && b != 0]
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&":
		return a & b
	case "==":
		return truth[a == b]
	case "!=":
		return truth[a != b]
	case "<=":
		return truth[a <= b]
	case ">=":
		return truth[a >= b]
	case "<":
		return truth[a < b]
	case ">":
		return truth[a > b]
	case "<<":
		return int64(int32(a) << (uint(b) & 31))
	case ">>":
		return int64(int32(a) >> (uint(b) & 31))
	case "+":
		return int64(int32(a + b))
	case "-":
		return int64(int32(a - b))
	case "*":
		return int64(int32(a * b))
	}
	if b == 0 {
		e.bad = true
		return 0
	}
	if op == "/" {
		return a / b
	}
	return a % b
}

func (e *expression) unary() int64 {
	e.skip()
	if e.depth++; e.depth > 200 || e.at >= len(e.text) {
		e.bad = true
		return 0
	}
	defer func() { e.depth-- }()
	switch c := e.text[e.at]; {
	case c == '!' && !strings.HasPrefix(e.text[e.at:], "!="):
		e.at++
		if e.unary() == 0 {
			return 1
		}
		return 0
	case c == '-':
		e.at++
		return -e.unary()
	case c == '+':
		e.at++
		return e.unary()
	case c == '~':
		e.at++
		return ^e.unary()
	case c == '(':
		e.at++
		n := e.binary(0)
		if e.skip(); e.at >= len(e.text) || e.text[e.at] != ')' {
			e.bad = true
			return 0
		}
		e.at++
		return n
	}
	return e.number()
}

func (e *expression) number() int64 {
	from := e.at
	for e.at < len(e.text) && (e.text[e.at] >= '0' && e.text[e.at] <= '9' || e.text[e.at]|0x20 >= 'a' && e.text[e.at]|0x20 <= 'z') {
		e.at++
	}
	n, err := strconv.ParseInt(e.text[from:e.at], 0, 64)
	if err != nil {
		e.bad = true
	}
	return n
}
