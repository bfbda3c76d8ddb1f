package network

import (
	"encoding/binary"
	"testing"
)

// expression puts one together as the kernel does.
func expression(name string, parts ...[]byte) []byte {
	var data []byte
	for _, p := range parts {
		data = append(data, p...)
	}
	return attribute(1, append(attribute(1, append([]byte(name), 0)), attribute(2, data)...))
}

func number(typ uint16, n uint32) []byte {
	return attribute(typ, binary.BigEndian.AppendUint32(nil, n))
}

// FuzzRule: no bytes panic, and a rule that leads nothing elsewhere is none.
func FuzzRule(f *testing.F) {
	port := attribute(3, attribute(1, []byte{0, 25}))
	load := expression("payload", number(1, 8), number(2, baseTransport), number(3, destinationPort), number(4, 2))
	f.Add(append(append(load, expression("cmp", number(1, 8), number(2, opEqual), port)...), expression("redir")...))
	f.Add(append(load, expression("lookup", attribute(1, []byte("set\x00")), number(2, 8))...))
	f.Add(expression("match", attribute(1, []byte("multiport\x00")), attribute(3, make([]byte, 48))))
	f.Add(expression("target", attribute(1, []byte("DNAT\x00")), attribute(3, make([]byte, 40))))
	f.Add(expression("target", attribute(1, []byte("REDIRECT\x00")), attribute(3, make([]byte, 3))))
	f.Fuzz(func(t *testing.T, b []byte) {
		rule, leads := rawRule{family: 2, expressions: b}.read(nil)
		if leads != (rule.Deed != "") {
			t.Errorf("%+v, %v", rule, leads)
		}
		for _, p := range rule.Ports {
			if p.From > p.To {
				t.Errorf("ports are %+v", rule.Ports)
			}
		}
	})
}

func TestWithout(t *testing.T) {
	for _, tc := range []struct {
		ports   []Ports
		has, no uint16
	}{
		{[]Ports{{25, 25}}, 24, 25}, {[]Ports{{0, 1023}}, 1024, 25}, {[]Ports{{1024, 65535}}, 1023, 65535}, {[]Ports{{30, 40}, {20, 35}}, 41, 33},
	} {
		r := Rule{Ports: without(tc.ports)}
		if !r.Concerns(tc.has) || r.Concerns(tc.no) {
			t.Errorf("all but %+v are %+v", tc.ports, r.Ports)
		}
	}
}
