// Package network sees where this host leads mail traffic against the configuration of
// its mail system: rules of the packet filter that redirect, divert, copy or mark what
// goes to a port of mail, and the way that a connection to a next hop takes.
//
// It asks the kernel over netlink(7): nf_tables for the rules (those of iptables(8) are
// among them where that is the one which writes to nf_tables), rtnetlink(7) for the
// ways. It asks when the kernel tells that either changed, and once in a while.
//
// What it does not do: it sees neither the older iptables of ip_tables modules, nor BPF
// programs on interfaces and sockets, nor what another network namespace does; it sends
// no packet and changes nothing.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Name is the sensor's name in observations.
const Name waxseal.SensorName = "network"

const (
	// askEvery is how often the kernel is asked without a notification.
	askEvery = 30 * time.Second
	collect  = 100 * time.Millisecond
)

// Picture is where traffic is led at one moment.
type Picture struct {
	Rules []Rule            `json:"rules"`
	Ways  map[string]string `json:"ways"` // by goal, "192.0.2.25 port 25"
}

func (g Goal) String() string { return fmt.Sprintf("%s port %d", g.Address, g.Port) }

// Read asks the kernel.
func Read(goals []Goal) (Picture, error) {
	p := Picture{Ways: map[string]string{}}
	filter, err := dial(unix.NETLINK_NETFILTER)
	if err == nil {
		p.Rules, err = rules(filter)
		err = errors.Join(err, filter.close())
	}
	if err != nil && !errors.Is(err, unix.EPROTONOSUPPORT) {
		return p, fmt.Errorf("ask for rules of the packet filter: %w", err)
	}
	routes, err := dial(unix.NETLINK_ROUTE)
	if err != nil {
		return p, fmt.Errorf("ask for routes: %w", err)
	}
	defer routes.close()
	for _, g := range goals {
		way, err := route(routes, g)
		if err != nil {
			return p, fmt.Errorf("ask for the way to %s: %w", g, err)
		}
		p.Ways[g.String()] = way
	}
	return p, nil
}

// Watch calls changed whenever something may have changed, from its own goroutine, until
// the context ends.
func Watch(ctx context.Context, changed func()) error {
	filter, err := dial(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil && !errors.Is(err, unix.EPROTONOSUPPORT) {
		return fmt.Errorf("listen for rules of the packet filter: %w", err)
	}
	routes, err := dial(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV6_RULE)
	if err != nil {
		return fmt.Errorf("listen for routes: %w", err)
	}
	defer routes.close()
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("wait for changes of the network: %w", err)
	}
	defer unix.Close(end)
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_, _ = unix.Write(end, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // wakes the wait below
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken // before the descriptor is another's
		}
	}()
	waits := []unix.PollFd{{Fd: int32(routes.fd), Events: unix.POLLIN}, {Fd: int32(end), Events: unix.POLLIN}}
	if filter != nil {
		defer filter.close()
		waits = append(waits, unix.PollFd{Fd: int32(filter.fd), Events: unix.POLLIN})
	}
	for asked := time.Now(); ctx.Err() == nil; {
		n, err := unix.Poll(waits, int(askEvery.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for changes of the network: %w", err)
		}
		if ctx.Err() != nil {
			return nil
		}
		if n > 0 {
			time.Sleep(collect)
			drain(waits)
		}
		if n > 0 || time.Since(asked) >= askEvery {
			asked = time.Now()
			changed()
		}
	}
	return nil
}

// drain throws away what was told: the kernel is asked, which can't be incomplete.
func drain(waits []unix.PollFd) {
	buf := make([]byte, maxMessage)
	for _, w := range waits {
		for {
			if _, _, err := unix.Recvfrom(int(w.Fd), buf, unix.MSG_DONTWAIT); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				break
			}
		}
	}
}

func interfaceName(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return fmt.Sprintf("interface %d", index)
}
