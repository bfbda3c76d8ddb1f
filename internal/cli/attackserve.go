package cli

import (
	"context"
	_ "embed" // the page
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"waxseal/internal/attack"
)

func (d *door) attackServe() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use: "serve", Short: "The same pages and raw objects over HTTP, for this host only", Args: cobra.NoArgs,
		Annotations: map[string]string{stays: "until it is ended"},
		Long: `Serves on a loopback address, until SIGINT or SIGTERM:

  /attack/                     the releases that are here
  /attack/ID                   the page of an object; ?release=R, ?format=json
  /attack/ID/raw?release=R     its exact bytes

It refuses any other address, and requests for any other name than this host's.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.serveAttack(cmd.Context(), listen) },
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8417", "`ADDRESS` to listen on: loopback only; port 0 takes any")
	return c
}

func (d *door) serveAttack(ctx context.Context, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usage("--listen %q: want an address and a port, such as 127.0.0.1:8417", listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usage("--listen %q: only a loopback address will do", listen)
	}
	return d.withShelf(func(s attack.Shelf) error {
		ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
		defer stop()
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return &exit{code: exitUnreadable, err: err}
		}
		server := &http.Server{Handler: AttackHandler(s), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
		fmt.Fprintf(d.err, "serving http://%s/attack/\n", l.Addr())
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
		}
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		return errors.Join(server.Shutdown(leave), ignoreClosed(<-ended))
	})
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// AttackHandler serves pages and raw objects of ATT&CK.
func AttackHandler(s attack.Shelf) http.Handler {
	h := attackPages{s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /attack/{$}", h.index)
	mux.HandleFunc("GET /attack/{id}", h.page)
	mux.HandleFunc("GET /attack/{id}/raw", h.raw)
	return local(mux)
}

// local answers requests for this host only: a page elsewhere must not reach it by a
// name of its own that leads here (DNS rebinding).
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Host
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		ip := net.ParseIP(strings.Trim(name, "[]"))
		if name != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this host only", http.StatusMisdirectedRequest)
			return
		}
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-ATTACK-Notice", strings.Replace(attack.Notice, "©", "(c)", 1))
		next.ServeHTTP(w, r)
	})
}

type attackPages struct{ shelf attack.Shelf }

// find looks up what a request is about, and answers it where there is nothing.
func (h attackPages) find(w http.ResponseWriter, r *http.Request) (attack.Object, bool) {
	o, err := attack.Find(h.shelf, r.PathValue("id"), r.URL.Query().Get("release"))
	return o, !failed(w, err)
}

func failed(w http.ResponseWriter, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, attack.ErrNone):
		http.Error(w, safe(err.Error()), http.StatusNotFound)
	default:
		http.Error(w, "the data can't be read: "+safe(err.Error()), http.StatusInternalServerError)
	}
	return true
}

func (h attackPages) raw(w http.ResponseWriter, r *http.Request) {
	o, ok := h.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"`+string(o.Digest)+`"`)
	w.Header().Set("X-ATTACK-Release", o.Release)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(o.Raw)))
}

func (h attackPages) page(w http.ResponseWriter, r *http.Request) {
	o, ok := h.find(w, r)
	if !ok {
		return
	}
	p, err := attack.Context(h.shelf, o)
	if failed(w, err) {
		return
	}
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json")
		(&door{out: w}).serveJSON(AttackShow{attackDoc("show"), p})
		return
	}
	past, err := attack.Past(h.shelf, o)
	if failed(w, err) {
		return
	}
	render(w, "page", struct {
		Page   attack.Page
		Past   attack.History
		Notice string
	}{p, past, attack.Notice})
}

// serveJSON: whoever asked may have gone.
func (d *door) serveJSON(v any) { _ = d.printJSON(v) }

func (h attackPages) index(w http.ResponseWriter, _ *http.Request) {
	list, err := h.shelf.Releases()
	if failed(w, err) {
		return
	}
	render(w, "index", struct {
		Releases []attack.Release
		Mapped   []string
		Notice   string
	}{list, attack.Mapped(), attack.Notice})
}

//go:embed attack.html
var attackHTML string

func render(w http.ResponseWriter, name string, data any) {
	t, err := template.New("").Funcs(template.FuncMap{"word": attack.TypeWord, "short": short}).Parse(attackHTML)
	if err != nil {
		http.Error(w, "internal error: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = t.ExecuteTemplate(w, name, data) // whoever asked may have gone
}
