package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Goal is where mail may be sent: an address and a TCP port.
type Goal struct {
	Address netip.Addr
	Port    uint16
}

// Attributes of routes (linux/rtnetlink.h) that x/sys does not have in these words.
const (
	rtaDst, rtaOif, rtaGateway, rtaTable, rtaProto, rtaDport = 1, 4, 5, 15, 27, 29
)

// route asks the kernel which way a connection to a goal would take, as `ip route get
// ADDRESS ipproto tcp dport PORT` does, so that rules on ports count too.
func route(s *socket, g Goal) (string, error) {
	family, address := byte(unix.AF_INET), g.Address.AsSlice()
	if g.Address.Is6() {
		family = unix.AF_INET6
	}
	head := make([]byte, unix.SizeofRtMsg)
	head[0], head[1] = family, byte(8*len(address))
	binary.NativeEndian.PutUint32(head[8:], unix.RTM_F_LOOKUP_TABLE)
	body := append(head, attribute(rtaDst, address)...)
	body = append(body, attribute(rtaProto, []byte{unix.IPPROTO_TCP})...)
	body = append(body, attribute(rtaDport, binary.BigEndian.AppendUint16(nil, g.Port))...)
	way := ""
	err := s.ask(unix.RTM_GETROUTE, 0, body, func(_ uint16, body []byte) {
		if len(body) >= unix.SizeofRtMsg {
			way = describe(parse(body[unix.SizeofRtMsg:]), body[4])
		}
	})
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL) {
		return "no way", nil
	}
	return way, err
}

func describe(a attributes, table byte) string {
	number := func(typ uint16) uint32 {
		if b := a[typ]; len(b) == 4 {
			return binary.NativeEndian.Uint32(b)
		}
		return 0
	}
	way := "directly"
	if gateway, ok := netip.AddrFromSlice(a[rtaGateway]); ok {
		way = "by " + gateway.String()
	}
	if t := number(rtaTable); t != 0 {
		table = byte(min(t, 255))
	}
	name := ""
	if oif := number(rtaOif); oif != 0 {
		name = fmt.Sprintf(" through %s", interfaceName(int(oif)))
	}
	if table != unix.RT_TABLE_MAIN && table != unix.RT_TABLE_LOCAL && table != 0 {
		name += fmt.Sprintf(" (table %d)", number(rtaTable))
	}
	return way + name
}
