package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lab"
)

// story is one run of the demonstration.
type story struct {
	binary string
	lab    *lab.Lab
	milter *lab.Milter // the stranger's
	agent  *exec.Cmd
	heard  chan struct{} // closed when the agent has said all
	rules  []string      // audit rules that were there before us
	step   int

	mu  sync.Mutex
	out io.Writer
}

// say begins a numbered step.
func (s *story) say(format string, args ...any) {
	s.step++
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\n%d. %s\n", s.step, fmt.Sprintf(format, args...))
}

// quote shows the words of a program, set off from ours.
func (s *story) quote(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "   | %s\n", strings.TrimRight(line, "\n"))
}

func (s *story) quoteAll(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		s.quote(line)
	}
}

func (s *story) tell(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		s.build, s.seal, s.watch, s.tamper, s.sendMail, s.explain,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) build(ctx context.Context) error {
	cache, err := lab.CacheDir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(lab.BasePath(cache, lab.Mail)); err != nil {
		s.say("Downloading a Debian 12 for the throw-away mail server. Only the first run does this; it takes about a minute.")
	}
	if _, err := lab.Base(ctx, cache, lab.Mail); err != nil {
		return err
	}
	s.say("Starting a throw-away mail server, mail.example.test: Debian 12, Postfix, sshd, rsyslog, walled off in namespaces.")
	if s.lab, err = lab.New(ctx, lab.Options{CacheDir: cache}); err != nil {
		return err
	}
	if err := os.WriteFile(s.config(), []byte("{}\n"), 0o600); err != nil {
		return err
	}
	return s.lab.Start(ctx)
}

func (s *story) state() string  { return filepath.Join(s.lab.Dir, "state") }
func (s *story) config() string { return filepath.Join(s.lab.Dir, "waxseal.yaml") }

// waxseal prepares a command line of the binary. It is given an empty
// configuration, so that this machine's own has no part in the story.
func (s *story) waxseal(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args, "--root", s.lab.Root, "--state", s.state(), "--config", s.config())
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a waxseal command, shows what it says, and forgives the exit code
// that says "there are findings".
func (s *story) run(ctx context.Context, args ...string) error {
	s.quote("$ waxseal " + strings.Join(args, " "))
	out, err := s.waxseal(ctx, args...).CombinedOutput()
	s.quoteAll(string(out))
	return forgive(err)
}

func forgive(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil
	}
	return err
}

func (s *story) seal(ctx context.Context) error {
	health, err := s.doctor(ctx)
	if err != nil {
		return err
	}
	s.rules = health.Leftovers
	s.say("Sealing it: every place where mail can be filtered, copied, diverted or executed on is recorded as known good.")
	if err := s.run(ctx, "seal", "--note", "demonstration"); err != nil {
		return err
	}
	for _, sensor := range []struct {
		name, loss string
		sensorHealth
	}{
		{"fanotify", "changes are found by looking again and again, later", health.Fanotify},
		{"kernel audit", "who made a change stays unknown", health.Audit},
	} {
		if !sensor.Usable {
			s.say("This machine gives us no %s (%s). The story goes on without: %s.", sensor.name, strings.Join(sensor.Problems, "; "), sensor.loss)
		}
	}
	return nil
}

// health is what we read of "waxseal doctor --format json".
type health struct {
	Fanotify, Audit sensorHealth
	Leftovers       []string
}

type sensorHealth struct {
	Usable   bool
	Problems []string
}

func (s *story) doctor(ctx context.Context) (health, error) {
	var h health
	out, err := s.waxseal(ctx, "doctor", "--format", "json").Output()
	if jsonErr := json.Unmarshal(out, &h); jsonErr != nil {
		return h, fmt.Errorf("waxseal doctor: %w", errors.Join(err, jsonErr))
	}
	return h, nil
}

// watch starts the agent and shows what it says from now on.
func (s *story) watch(ctx context.Context) error {
	s.say("Starting the agent. What it says from here on is marked with a bar.")
	s.quote("$ waxseal watch")
	cmd := s.waxseal(context.WithoutCancel(ctx), "watch")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	complaints, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := lab.StartBound(cmd); err != nil {
		return err
	}
	s.agent, s.heard = cmd, make(chan struct{})
	ready := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() { s.listen(out, nil) })
	readers.Go(func() { s.listen(complaints, ready) })
	go func() { readers.Wait(); close(s.heard) }()
	select {
	case <-ready:
		return nil
	case <-s.heard:
		return errors.New("the agent ended before it was ready")
	case <-time.After(time.Minute):
		return errors.New("the agent was not ready after a minute")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen shows each line of r, and closes ready at the one that says so.
func (s *story) listen(r io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.quote(lines.Text())
		if ready != nil && strings.HasPrefix(lines.Text(), "watching ") {
			close(ready)
			ready = nil
		}
	}
}

func (s *story) tamper(ctx context.Context) error {
	var err error
	if s.milter, err = s.lab.Milter(lab.RogueMilter); err != nil {
		return err
	}
	const set, reload = "sudo postconf -e smtpd_milters=inet:" + lab.RogueMilter, "sudo postfix reload"
	s.say("Alice logs in by ssh from %s and hands all incoming mail to a filter on a stranger's machine:", lab.AttackerAddr)
	for _, command := range []string{set, reload} {
		s.quote("alice@mail$ " + command)
	}
	if _, err := s.lab.SSH(ctx, "alice", lab.AttackerAddr, set+" && "+reload); err != nil {
		return err
	}
	return pause(ctx, time.Second) // let the agent speak before we go on
}

func (s *story) sendMail(ctx context.Context) error {
	s.say("Carol, outside, sends bob a message, as on any day:")
	receipt, err := s.lab.Mail(ctx, "carol@client.example.net", "bob@mail.example.test", "lunch?")
	for _, reply := range receipt.Replies {
		s.quote(reply)
	}
	return err
}

// explain waits until the agent has seen mail go through the change, ends it,
// and shows the whole finding.
func (s *story) explain(ctx context.Context) error {
	f, err := s.await(ctx)
	if err != nil {
		return err
	}
	s.say("The change is written, loaded, and mail has gone through it: the stranger's filter has seen %d of our messages. Stopping the agent.", s.milter.Messages())
	if err := s.stopAgent(); err != nil {
		return err
	}
	s.say("The finding, with everything it rests on:")
	if err := s.run(ctx, "findings", "show", string(f.ID)); err != nil {
		return err
	}
	s.say("The ledger that holds it, checked from the first entry to the last:")
	return s.run(ctx, "ledger", "verify")
}

// await asks for the finding about main.cf until its change is exercised.
func (s *story) await(ctx context.Context) (waxseal.Finding, error) {
	var last waxseal.Finding
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var list struct{ Findings []waxseal.Finding }
		out, err := s.waxseal(ctx, "findings", "list", "--format", "json").Output()
		if forgive(err) == nil && json.Unmarshal(out, &list) == nil {
			for _, f := range list.Findings {
				if f.Change == nil || f.Change.Path != "/etc/postfix/main.cf" {
					continue
				}
				last = f
				if slices.ContainsFunc(f.Activation, func(a waxseal.Activation) bool { return a.Stand == waxseal.Exercised }) {
					return f, pause(ctx, 500*time.Millisecond)
				}
			}
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return last, err
		}
	}
	if last.ID == "" {
		return last, errors.New("the agent made no finding about main.cf")
	}
	return last, fmt.Errorf("finding %s never came to \"exercised\": %+v", last.ID, last.Activation)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *story) stopAgent() error {
	if s.agent == nil {
		return nil
	}
	cmd := s.agent
	s.agent = nil
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.heard:
	case <-time.After(15 * time.Second):
		cmd.Process.Kill()
		<-s.heard
	}
	if err := forgive(cmd.Wait()); err != nil {
		return fmt.Errorf("the agent: %w", err)
	}
	return nil
}

// leave takes everything down, whatever became of the story, and checks that
// nothing is left.
func (s *story) leave() error {
	err := s.stopAgent()
	if s.lab == nil {
		return err
	}
	var left []string
	if h, doctorErr := s.doctor(context.Background()); doctorErr == nil {
		for _, rule := range h.Leftovers {
			if !slices.Contains(s.rules, rule) {
				left = append(left, "audit rule "+rule)
			}
		}
	} else {
		err = errors.Join(err, doctorErr)
	}
	err = errors.Join(err, s.lab.Close())
	left = append(left, lab.Left(s.lab.Dir)...)
	if len(left) > 0 {
		var list bytes.Buffer
		for _, l := range left {
			fmt.Fprintln(&list, l)
		}
		s.say("Left behind:")
		s.quoteAll(list.String())
		return errors.Join(err, errors.New("something was left behind (make clean removes it)"))
	}
	s.say("Left behind: nothing. No audit rule, process, mount or file of the demonstration is there any more (checked just now).")
	return err
}
