package auditrec

import (
	"fmt"
	"slices"
	"strings"
)

// ended reports whether the record that the kernel writes last is among those of an
// event; one of them may have overtaken it.
func ended(records []Record) bool {
	return slices.ContainsFunc(records, func(r Record) bool { return r.Type == "PROCTITLE" })
}

// Missing says which records of an event are not there, "" where none is known to be: a
// SYSCALL record says how many PATH records there are, and EXECVE how many arguments.
func Missing(records []Record) string {
	var call *Record
	paths, arguments, wanted, within := 0, 0, 0, false
	for i, r := range records {
		switch r.Type {
		case "SYSCALL", "URINGOP", "LOGIN", "CONFIG_CHANGE":
			if call == nil || r.Type == "SYSCALL" {
				call = &records[i]
			}
		case "PATH":
			paths++
		case "CWD", "PROCTITLE":
			within = true
		case "EXECVE":
			arguments += countArguments(r)
			if n, ok := small(r.Fields["argc"]); ok {
				wanted = n
			}
		}
	}
	if call == nil {
		if paths > 0 || wanted > 0 || within {
			return "its SYSCALL record, which names the process"
		}
		return ""
	}
	var words []string
	if items, ok := small(call.Fields["items"]); ok && items > paths {
		words = append(words, fmt.Sprintf("%d of its %d PATH records", items-paths, items))
	}
	if wanted > arguments {
		words = append(words, fmt.Sprintf("%d of its %d arguments", wanted-arguments, wanted))
	}
	return strings.Join(words, " and ")
}

// countArguments counts the arguments that a record of a program start begins.
func countArguments(r Record) (n int) {
	for key := range r.Fields {
		if _, part, ok := argument(key); ok && part <= 0 {
			n++
		}
	}
	return n
}
