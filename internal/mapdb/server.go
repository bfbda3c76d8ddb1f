package mapdb

import (
	"net/url"
	"slices"
	"strings"
)

// Endpoint is where a server of tables listens.
type Endpoint struct {
	Host string // empty for a socket; "localhost" where nothing is said
	Port string // as written, or the usual one
	Path string // of a UNIX-domain socket
}

// Server is what a table asks of another program, and where. Passwords are not
// in it, only whether there is one.
type Server struct {
	Endpoints []Endpoint
	// Settings are the parameters that say what is asked, by their names in
	// mysql_table(5) and its like: "query", "result_attribute", "domain".
	Settings map[string]string
	// Database is the database, search base or file that is asked.
	Database    string
	HasPassword bool
	// Backup is the table that a memcache is filled from.
	Backup string
	// Map is the name that a socketmap server is asked for.
	Map string
}

// settings are the parameters whose values may be told.
var settings = []string{
	"query", "query_filter", "result_attribute", "special_result_attribute", "leaf_result_attribute", "terminal_result_attribute", "result_format",
	"result_filter", "result_callback", "expansion_limit", "size_limit", "recursion_limit", "domain", "table", "select_field", "select_function", "where_field",
	"additional_conditions", "search_base", "scope", "dereference", "chase_referrals", "bind", "bind_dn", "user", "dbname", "dbpath", "collection",
	"filter", "projection", "key_format", "line_size_limit", "data_size_limit", "ttl", "timeout", "version", "start_tls", "tls_require_cert",
	"tls_ca_cert_file", "tls_ca_cert_dir", "option_file", "option_group", "require_result_set", "charset", "encoding", "idle_interval", "retry_interval",
}

// secrets are the parameters of which only the presence may be told.
var secrets = []string{"password", "bind_pw", "sasl_password"}

// ParseServer reads the .cf file of a database table: mysql_table(5),
// pgsql_table(5), ldap_table(5), sqlite_table(5), mongodb_table(5) and
// memcache_table(5). It has the grammar of main.cf, without $name; of several
// definitions the last counts.
func ParseServer(typ, content string) (Server, []Problem) {
	lines, problems := Lines(content)
	values := map[string]string{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line.Text, "=")
		if name = strings.Trim(name, spaces); !ok || name == "" || strings.ContainsAny(name, spaces) {
			problems = append(problems, Problem{line.Number, "expected name = value"})
			continue
		}
		values[name] = strings.Trim(value, spaces)
	}
	return ServerOf(typ, func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}), problems
}

// ServerOf asks get for each parameter of a database table. A table without a
// file, as in mysql:name, has its parameters in main.cf as name_hosts and so on;
// there get is asked for "hosts" and looks up name_hosts.
func ServerOf(typ string, get func(name string) (value string, ok bool)) Server {
	s := Server{Settings: map[string]string{}}
	for _, name := range settings {
		if value, ok := get(name); ok {
			s.Settings[name] = value
		}
	}
	for _, name := range secrets {
		value, ok := get(name)
		s.HasPassword = s.HasPassword || ok && value != ""
	}
	value := func(name, other string) string {
		if v, ok := get(name); ok && v != "" {
			return v
		}
		return other
	}
	switch typ {
	case "mysql", "pgsql":
		port := map[string]string{"mysql": "3306", "pgsql": "5432"}[typ]
		s.endpoints(value("hosts", "localhost"), port)
		s.Database = s.Settings["dbname"]
	case "ldap":
		s.endpoints(value("server_host", "localhost"), value("server_port", "389"))
		s.Database = s.Settings["search_base"]
	case "mongodb":
		s.endpoints(value("uri", ""), "27017")
		s.Database = s.Settings["dbname"]
	case "memcache":
		s.endpoints(value("memcache", "inet:localhost:11211"), "11211")
		s.Backup = value("backup", "")
	case "sqlite":
		s.Database = s.Settings["dbpath"]
	}
	return s
}

// endpoints reads a list of servers, each a host with or without a port, a
// socket, or a URL, from which a password is taken off.
func (s *Server) endpoints(list, port string) {
	for _, item := range Fields(list) {
		scheme, rest, isURL := strings.Cut(item, "://")
		if !isURL {
			s.Endpoints = append(s.Endpoints, endpoint(item, port))
			continue
		}
		rest, _, _ = strings.Cut(rest, "?")
		authority, path, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			s.HasPassword = s.HasPassword || strings.Contains(authority[:at], ":")
			authority = authority[at+1:]
		}
		if scheme == "ldaps" && port == "389" {
			port = "636"
		}
		// A MongoDB URL names several hosts; without commas here, as Fields split it.
		if unescaped, err := url.PathUnescape(authority); err == nil {
			authority = unescaped
		}
		if authority == "" && scheme == "ldapi" {
			authority = "/" + path
		}
		s.Endpoints = append(s.Endpoints, endpoint(authority, port))
	}
}

// endpoint reads host, host:port, [address]:port, inet:…, unix:path or a path.
func endpoint(item, port string) Endpoint {
	if path, ok := strings.CutPrefix(item, "unix:"); ok {
		return Endpoint{Path: path}
	}
	item = strings.TrimPrefix(item, "inet:")
	if strings.HasPrefix(item, "/") {
		return Endpoint{Path: item}
	}
	host := item
	if i := strings.LastIndexByte(item, ':'); i >= 0 && !strings.HasSuffix(item, "]") && (strings.Count(item, ":") == 1 || item[0] == '[') {
		host, port = item[:i], item[i+1:]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	if host == "" {
		host = "localhost"
	}
	return Endpoint{Host: host, Port: port}
}

// Server is what a table that names its server itself asks: tcp:host:port
// (tcp_table(5)), socketmap:inet:host:port:name and socketmap:unix:path:name
// (socketmap_table(5)). ok is false for all others.
func (r Ref) Server() (s Server, ok bool) {
	switch r.Type {
	case "tcp":
		return Server{Endpoints: []Endpoint{endpoint(r.Name, "")}}, true
	case "socketmap":
		i := strings.LastIndexByte(r.Name, ':')
		if i < 0 || !slices.Contains([]string{"inet", "unix"}, strings.SplitN(r.Name, ":", 2)[0]) {
			return s, false
		}
		return Server{Endpoints: []Endpoint{endpoint(r.Name[:i], "")}, Map: r.Name[i+1:]}, true
	}
	return s, false
}
