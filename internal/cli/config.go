package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/permit"
	"waxseal/internal/triage"
)

// DefaultFile is the configuration file; that it is missing means defaults.
const DefaultFile = "/etc/waxseal/waxseal.yaml"

// Config is the configuration file: strict YAML, every key optional.
type Config struct {
	// Root is the directory that is the root of the tree to read.
	Root string `yaml:"root"`
	// State is the directory of the ledger and the keys.
	State string `yaml:"state"`
	// FailOn is the least severity for exit code 1.
	FailOn string      `yaml:"fail_on"`
	Watch  WatchConfig `yaml:"watch"`
	// Permits is about change control.
	Permits PermitsConfig `yaml:"permits"`
	// Suppressions is about findings that people don't want to see for a while.
	Suppressions SuppressionsConfig `yaml:"suppressions"`
	// Attack has the mutable elements of the analytics, under MITRE's names.
	Attack AttackConfig `yaml:"attack"`

	failOn waxseal.Severity
	from   map[string]string // where each value came from
}

// WatchConfig is about the agent.
type WatchConfig struct {
	// Fanotify, Audit and BPF switch the sensors. Without one the agent sees or proves
	// less, and says so.
	Fanotify bool `yaml:"fanotify"`
	Audit    bool `yaml:"audit"`
	BPF      bool `yaml:"bpf"`
	// Isolate has the files of the host read by a process that can do nothing else.
	Isolate bool `yaml:"isolate"`
	// Poll is how often the mail set is read again without an event ("30s").
	Poll time.Duration `yaml:"poll"`
	// Logs are followed besides those that the mail systems name.
	Logs []waxseal.Path `yaml:"logs"`
}

// PermitsConfig is about change control.
type PermitsConfig struct {
	// FourEyes asks that who asks for a change, who approves it and who makes it are
	// three, whatever the change does.
	FourEyes bool `yaml:"four_eyes"`
	// CountersignWithin is how long an approval by one person alone stands.
	CountersignWithin time.Duration `yaml:"countersign_within"`
	// Longest bounds the window of a permit.
	Longest time.Duration `yaml:"longest"`
	// InAdvance allows permits under which a key of CI announces contents that nobody
	// approves one by one.
	InAdvance bool `yaml:"in_advance"`
}

func (c PermitsConfig) rules() permit.Rules {
	return permit.Rules{FourEyes: c.FourEyes, CountersignWithin: c.CountersignWithin, Longest: c.Longest, InAdvance: c.InAdvance}
}

// SuppressionsConfig is about suppressions of findings.
type SuppressionsConfig struct {
	// Longest bounds the life of a suppression.
	Longest time.Duration `yaml:"longest"`
}

func (c Config) tuning() triage.Rules {
	return triage.Rules{Longest: c.Suppressions.Longest, FourEyes: c.Permits.FourEyes}
}

// AttackConfig is what ATT&CK leaves to whoever uses AN0473: its mutable elements.
type AttackConfig struct {
	// MailTransportScriptPath are files and directories of scripts and filters to
	// which no configuration leads.
	MailTransportScriptPath []waxseal.Path `yaml:"MailTransportScriptPath"`
	// UserContext are the accounts whose program starts are counted; none is all.
	UserContext []string `yaml:"UserContext"`
	// ExecFrequencyThreshold is how often a script of the mail path may start in one
	// run of its mail system; 0 counts nothing.
	ExecFrequencyThreshold int `yaml:"ExecFrequencyThreshold"`
}

// DefaultConfig is what holds where the file says nothing.
func DefaultConfig() Config {
	return Config{
		Root: "/", State: "/var/lib/waxseal", FailOn: "high",
		Watch:        WatchConfig{Fanotify: true, Audit: true, BPF: true, Isolate: true, Poll: 30 * time.Second},
		Permits:      PermitsConfig{CountersignWithin: permit.DefaultRules().CountersignWithin, Longest: permit.DefaultRules().Longest},
		Suppressions: SuppressionsConfig{Longest: triage.DefaultRules().Longest},
	}
}

// maxConfig bounds the configuration file.
const maxConfig = 1 << 20

// loadConfig reads the file, lets flags override it, and checks the result.
func loadConfig(f flags) (Config, error) {
	c := DefaultConfig()
	c.from = map[string]string{}
	file, named := f.config, f.config != ""
	if !named {
		file = DefaultFile
	}
	text, err := readLimited(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
	case err != nil:
		return c, fmt.Errorf("configuration: %w", err)
	default:
		if err := parseConfig(text, &c); err != nil {
			return c, fmt.Errorf("configuration %s: %s", file, yamlWords(err))
		}
		c.noteKeys(text, file)
	}
	c.override("root", &c.Root, f.root)
	c.override("state", &c.State, f.state)
	c.override("fail_on", &c.FailOn, f.failOn)
	return c, c.check()
}

func readLimited(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, waxseal.ErrNotRegular)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // in case it became a FIFO just now
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s: %w", name, waxseal.ErrTooLarge)
	}
	return text, err
}

// parseConfig is strict: an unknown key is an error with its line.
func parseConfig(text []byte, c *Config) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return nil
}

// How the YAML package says that a key or a value does not fit.
var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType  = regexp.MustCompile("cannot unmarshal \\S+(?: (`[^`]*`))? into (\\S+)")
)

// kinds says what a type of the configuration looks like in YAML.
var kinds = map[string]string{
	"bool": "true or false", "string": "text", "time.Duration": "a duration such as 30s",
	"[]waxseal.Path": "a list of paths", "waxseal.Path": "a path", "cli.WatchConfig": "keys and values", "cli.AttackConfig": "keys and values", "cli.PermitsConfig": "keys and values", "cli.SuppressionsConfig": "keys and values",
	"[]string": "a list of texts", "int": "a number", "cli.Config": "keys and values",
}

// yamlWords says an error of the YAML package in the words of the file.
func yamlWords(err error) string {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var fit *yaml.TypeError
	if errors.As(err, &fit) {
		lines = fit.Errors
	}
	for i, l := range lines {
		l = unknownKey.ReplaceAllString(l, `unknown key "$1"`)
		if g := wrongType.FindStringSubmatch(l); g != nil {
			found := cmp.Or(strings.Trim(g[1], "`"), "something else")
			l = strings.Replace(l, g[0], fmt.Sprintf("want %s, found %s", cmp.Or(kinds[g[2]], g[2]), found), 1)
		}
		lines[i] = l
	}
	return strings.Join(lines, "; ")
}

// noteKeys remembers which keys the file has.
func (c *Config) noteKeys(text []byte, file string) {
	var keys map[string]any
	if yaml.Unmarshal(text, &keys) != nil {
		return // parseConfig has accepted it; only the origin of values is lost
	}
	for k, v := range keys {
		c.from[k] = file
		if below, ok := v.(map[string]any); ok {
			for name := range below {
				c.from[k+"."+name] = file
			}
		}
	}
}

func (c *Config) override(key string, value *string, flag string) {
	if flag != "" {
		*value, c.from[key] = flag, "command line"
	}
}

func (c *Config) check() error {
	var err error
	if c.failOn, err = waxseal.ParseSeverity(c.FailOn); err != nil {
		return fmt.Errorf("fail_on: %w", err)
	}
	if c.Watch.Poll < time.Second {
		return fmt.Errorf("watch.poll: %v is shorter than 1s", c.Watch.Poll)
	}
	for _, p := range c.Watch.Logs {
		if !filepath.IsAbs(string(p)) {
			return fmt.Errorf("watch.logs: %q is not an absolute path", p)
		}
	}
	if c.Permits.CountersignWithin <= 0 || c.Permits.Longest <= 0 {
		return errors.New("permits.countersign_within and permits.longest must be longer than nothing")
	}
	if c.Suppressions.Longest <= 0 {
		return errors.New("suppressions.longest must be longer than nothing")
	}
	for _, p := range c.Attack.MailTransportScriptPath {
		if !filepath.IsAbs(string(p)) || filepath.Clean(string(p)) != string(p) {
			return fmt.Errorf("attack.MailTransportScriptPath: %q is not a clean absolute path", p)
		}
		if p == "/" {
			return errors.New("attack.MailTransportScriptPath: the root directory is no place of scripts")
		}
	}
	if c.Attack.ExecFrequencyThreshold < 0 {
		return fmt.Errorf("attack.ExecFrequencyThreshold: %d is less than 0", c.Attack.ExecFrequencyThreshold)
	}
	if c.State == "" || c.Root == "" {
		return errors.New("root and state must not be empty")
	}
	return nil
}

func (d *door) configVerb() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "The configuration in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	parent.AddCommand(&cobra.Command{
		Use: "check", Short: "Check the configuration and print what holds, and from where",
		Long: `Checks the configuration file, strictly, and prints what holds and where each
value comes from. The file is YAML; every key may be left out:

  root: /                     # the tree to read
  state: /var/lib/waxseal     # where ledger and keys are kept
  fail_on: high               # least severity for exit code 1
  watch:
    fanotify: true            # see changes as they happen
    audit: true               # see who makes them
    poll: 30s                 # read the mail path again without an event
    logs: [/var/log/mail.log] # mail and login logs besides those that are found
  permits:
    four_eyes: false          # three people for every change, not only dangerous ones
    countersign_within: 24h   # how long an approval by one alone stands
    longest: 744h             # the longest window
    in_advance: false         # a pipeline may announce what nobody approves one by one
  suppressions:
    longest: 2160h            # the longest life of a suppression
  attack:                     # mutable elements of AN0473; see waxseal attack map
    MailTransportScriptPath: [/usr/local/lib/mailfilters]
    UserContext: [filter]
    ExecFrequencyThreshold: 0`,
		Example: `  waxseal config check --config waxseal.yaml`,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return d.configCheck() },
	})
	return parent
}

func (d *door) configCheck() error {
	c := d.config
	values := []struct {
		key   string
		value any
		from  string
	}{
		{"root", c.Root, c.origin("root")},
		{"state", c.State, c.origin("state")},
		{"fail_on", c.FailOn, c.origin("fail_on")},
		{"watch.fanotify", c.Watch.Fanotify, c.origin("watch.fanotify")},
		{"watch.audit", c.Watch.Audit, c.origin("watch.audit")},
		{"watch.bpf", c.Watch.BPF, c.origin("watch.bpf")},
		{"watch.isolate", c.Watch.Isolate, c.origin("watch.isolate")},
		{"watch.poll", c.Watch.Poll.String(), c.origin("watch.poll")},
		{"watch.logs", c.Watch.Logs, c.origin("watch.logs")},
		{"permits.four_eyes", c.Permits.FourEyes, c.origin("permits.four_eyes")},
		{"permits.countersign_within", c.Permits.CountersignWithin.String(), c.origin("permits.countersign_within")},
		{"permits.longest", c.Permits.Longest.String(), c.origin("permits.longest")},
		{"permits.in_advance", c.Permits.InAdvance, c.origin("permits.in_advance")},
		{"suppressions.longest", c.Suppressions.Longest.String(), c.origin("suppressions.longest")},
		{attack.KeyScriptPath, c.Attack.MailTransportScriptPath, c.origin(attack.KeyScriptPath)},
		{attack.KeyUser, c.Attack.UserContext, c.origin(attack.KeyUser)},
		{attack.KeyFrequency, c.Attack.ExecFrequencyThreshold, c.origin(attack.KeyFrequency)},
	}
	if d.json() {
		m := map[string]any{"schema": "waxseal.config/1"}
		for _, v := range values {
			m[v.key] = map[string]any{"value": v.value, "from": v.from}
		}
		return d.printJSON(m)
	}
	t := d.table()
	t.row("KEY", "VALUE", "FROM")
	for _, v := range values {
		t.row(v.key, fmt.Sprint(v.value), v.from)
	}
	return t.flush()
}

func (c Config) origin(key string) string {
	if from, ok := c.from[key]; ok {
		return from
	}
	return "default"
}
