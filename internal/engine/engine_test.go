package engine

import (
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

const (
	one = "3f5a9c0e1b2d4c5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6"
	two = "3f5a9c0e1b2d00000000000000000000000000000000000000000000000000ff"
)

func treeOf(files map[string]string) waxseal.Tree {
	t := map[waxseal.Path]snapshot.Object{}
	for name, text := range files {
		t[waxseal.Path(name)] = snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o600}, Content: []byte(text)}
	}
	return snapshot.New(t)
}

func TestFind(t *testing.T) {
	config := `{"ID":"` + one + `","Name":"/mail","Config":{"Image":"postfix:3.7","Labels":{}}}`
	store := `[{"id":"` + one + `","names":["mx"],"metadata":"{\"image-name\":\"docker.io/library/debian:bookworm\"}"}]`
	for _, tc := range []struct {
		name, known string
		files       map[string]string
		want        Container
	}{
		{"docker", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": config}, Container{"docker mail", "postfix:3.7"}},
		{"docker elsewhere", "docker 3f5a9c0e1b2d", map[string]string{"/etc/docker/daemon.json": `{"data-root":"/srv/d"}`, "/srv/d/containers/" + one + "/config.v2.json": config}, Container{"docker mail", "postfix:3.7"}},
		{"a swarm's task", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": `{"ID":"` + one + `","Name":"/mail.1.x7f","Config":{"Image":"m","Labels":{"com.docker.swarm.task.id":"x7f"}}}`}, Container{"docker mail.1", "m"}},
		{"two that begin alike", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": config, "/var/lib/docker/containers/" + two + "/config.v2.json": config}, Container{}},
		{"of another container", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + two + "/config.v2.json": config}, Container{}},
		{"cut off", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": config[:40]}, Container{}},
		{"a name that is none", "docker 3f5a9c0e1b2d", map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": `{"ID":"` + one + `","Name":"/mail:/etc/x"}`}, Container{}},
		{"podman", "podman 3f5a9c0e1b2d", map[string]string{"/var/lib/containers/storage/overlay-containers/containers.json": store}, Container{"podman mx", "docker.io/library/debian:bookworm"}},
		{"podman, gone with its end", "podman 3f5a9c0e1b2d", map[string]string{"/var/lib/containers/storage/overlay-containers/volatile-containers.json": store}, Container{"podman mx", "docker.io/library/debian:bookworm"}},
		{"kubernetes", "kubernetes 3f5a9c0e1b2d", map[string]string{"/var/log/containers/postfix-0_mail_mta-" + one + ".log": ""}, Container{Name: "kubernetes mail/postfix-0/mta"}},
		{"a name already", "lxc mail", map[string]string{}, Container{}},
		{"a path for an ID", "docker ../../../etc/passwd", map[string]string{}, Container{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := Find(treeOf(tc.files), tc.known)
			if got != tc.want || ok != (tc.want.Name != "") {
				t.Errorf("is %+v, %v; want %+v", got, ok, tc.want)
			}
		})
	}
}

// FuzzFind: no file of an engine's makes a name that is none, and nothing panics.
func FuzzFind(f *testing.F) {
	f.Add(`{"ID":"` + one + `","Name":"/mail"}`)
	f.Add(`[{"id":"` + one + `","names":["mx"],"metadata":"{"}]`)
	f.Add(`{"ID":"` + one + `","Name":"/mail:/etc/x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		tree := treeOf(map[string]string{"/var/lib/docker/containers/" + one + "/config.v2.json": text,
			"/var/lib/containers/storage/overlay-containers/containers.json": text})
		for _, known := range []string{"docker 3f5a9c0e1b2d", "podman 3f5a9c0e1b2d"} {
			c, ok := Find(tree, known)
			for _, r := range c.Name {
				if ok && (r == ':' || r == '\n') {
					t.Errorf("a name is %q", c.Name)
				}
			}
		}
	})
}
