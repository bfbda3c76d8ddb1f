package lab

import (
	"context"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"github.com/d--j/go-milter"
)

// Receipt is what the server said to one message.
type Receipt struct {
	Replies []string // the first line of each reply, "250 2.1.0 Ok"
	QueueID string   // empty when the message wasn't taken
}

// Mail sends one message through the lab's SMTP port, from outside the networks
// that the server trusts. A refusal is an error; the Receipt has the replies
// up to it.
func (l *Lab) Mail(ctx context.Context, from, to, subject string) (Receipt, error) {
	conn, err := l.Dial(ctx, net.JoinHostPort(ServerAddr, "25"))
	if err != nil {
		return Receipt{}, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	body := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d@client.example.net>\r\n\r\nHello.",
		from, to, subject, time.Now().Format(time.RFC1123Z), time.Now().UnixNano())
	var receipt Receipt
	text := textproto.NewConn(conn)
	for _, step := range []struct {
		say  string
		want int
	}{
		{"", 220}, {"EHLO client.example.net", 250}, {"MAIL FROM:<" + from + ">", 250},
		{"RCPT TO:<" + to + ">", 250}, {"DATA", 354}, {body + "\r\n.", 250}, {"QUIT", 221},
	} {
		if step.say != "" {
			if err := text.PrintfLine("%s", step.say); err != nil {
				return receipt, err
			}
		}
		code, message, err := text.ReadResponse(step.want)
		line, _, _ := strings.Cut(message, "\n")
		receipt.Replies = append(receipt.Replies, fmt.Sprintf("%d %s", code, line))
		if err != nil {
			return receipt, fmt.Errorf("the server answered %.60q with: %w", step.say, err)
		}
		if _, id, ok := strings.Cut(message, "queued as "); ok {
			receipt.QueueID = id
		}
	}
	return receipt, nil
}

// WaitLog waits until text occurs in the mail log, ctx ends, or ten seconds
// have gone.
func (l *Lab) WaitLog(ctx context.Context, text string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		switch {
		case strings.Contains(l.MailLog(), text):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("%q is not in the mail log:\n%s", text, tail(l.MailLog(), 20))
		}
	}
}

// Milter is a mail filter on a host of its own that sees every message and
// passes it on as it is.
type Milter struct {
	connections, messages atomic.Int64
	server                *milter.Server
}

// Milter starts a milter at address in the lab's network; RogueMilter when
// empty. It ends with its own Close or the lab's.
func (l *Lab) Milter(address string) (*Milter, error) {
	if address == "" {
		address = RogueMilter
	}
	listener, err := l.Listen(address)
	if err != nil {
		return nil, err
	}
	m := &Milter{}
	m.server = milter.NewServer(milter.WithMilter(func() milter.Milter {
		m.connections.Add(1)
		return &ear{seen: m}
	}))
	go m.server.Serve(listener)
	l.mu.Lock()
	l.milters = append(l.milters, m)
	l.mu.Unlock()
	return m, nil
}

// Connections is how often a mail server has connected.
func (m *Milter) Connections() int { return int(m.connections.Load()) }

// Messages is how many messages have gone through to their end.
func (m *Milter) Messages() int { return int(m.messages.Load()) }

// Close stops the milter.
func (m *Milter) Close() error { return m.server.Close() }

// ear is the milter's side of one connection.
type ear struct {
	milter.NoOpMilter
	seen *Milter
}

func (e *ear) EndOfMessage(milter.Modifier) (*milter.Response, error) {
	e.seen.messages.Add(1)
	return milter.RespAccept, nil
}
