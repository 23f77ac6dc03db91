// Package deploy holds no code: its test keeps the files for operators in step with the program.
package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/drivers"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// load runs the program's own check over an environment.
func load(t *testing.T, vars map[string]string) *drivers.Settings {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "SLUICE_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range vars {
		t.Setenv(name, value)
	}
	s, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type task struct {
	ContainerDefinitions []struct {
		Environment            []struct{ Name, Value string }
		Secrets                []struct{ Name, ValueFrom string }
		StopTimeout            int
		ReadonlyRootFilesystem bool
		User                   string
		HealthCheck            struct{ Command []string }
		MountPoints            []struct{ ContainerPath string }
	}
	Memory string // of the task, in MiB
}

// TestTaskHasTheMemoryThatItsSettingsAllowFor: otherwise the daemon warns at its first start, and rightly.
func TestTaskHasTheMemoryThatItsSettingsAllowFor(t *testing.T) {
	var def task
	if err := json.Unmarshal([]byte(read(t, "ecs/task-definition.json")), &def); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"SLUICE_APIGATEWAY_API_KEY": "a-secret"}
	for _, v := range def.ContainerDefinitions[0].Environment {
		vars[v.Name] = v.Value
	}
	need := load(t, vars).MemoryBudget() >> 20
	soft, err := strconv.ParseInt(strings.TrimSuffix(vars["GOMEMLIMIT"], "MiB"), 10, 64)
	if err != nil {
		t.Fatalf("GOMEMLIMIT: %v", err)
	}
	if hard, err := strconv.ParseInt(def.Memory, 10, 64); err != nil || need > soft || soft > hard*9/10 {
		t.Errorf("settings that need %d MiB, GOMEMLIMIT %d MiB, memory %q (%v); want each to fit into the next", need, soft, def.Memory, err)
	}
}

func TestTaskDefinitionIsOneThatTheDaemonAccepts(t *testing.T) {
	var def task
	if err := json.Unmarshal([]byte(read(t, "ecs/task-definition.json")), &def); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"apigateway", "sqs"} { // one variable switches
		t.Run(transport, func(t *testing.T) {
			c := def.ContainerDefinitions[0]
			vars := map[string]string{}
			for _, v := range c.Environment {
				vars[v.Name] = v.Value
			}
			for _, v := range c.Secrets {
				vars[v.Name] = "a-secret"
			}
			vars["SLUICE_TRANSPORT"] = transport
			s := load(t, vars)
			if stop := time.Duration(c.StopTimeout) * time.Second; stop < s.Core.ShutdownTimeout+5*time.Second || stop > 2*time.Minute {
				t.Errorf("stopTimeout = %v, want at least 5 s more than SLUICE_SHUTDOWN_TIMEOUT (%v) and at most 2 min, which is Fargate's limit", stop, s.Core.ShutdownTimeout)
			}
			if !c.ReadonlyRootFilesystem || c.User == "" || len(c.MountPoints) != 1 || c.MountPoints[0].ContainerPath != s.Core.StateDir {
				t.Errorf("container = %+v, want a read-only root, a user, and the state folder mounted", c)
			}
			if want := "CMD /sluice healthcheck"; strings.Join(c.HealthCheck.Command, " ") != want {
				t.Errorf("health check = %q, want %q, because there is no shell", c.HealthCheck.Command, want)
			}
		})
	}
}

func TestUnitFitsTheDaemon(t *testing.T) {
	unit := read(t, "systemd/sluice.service")
	vars := map[string]string{"SLUICE_HTTP_URL": "https://example.org/records", "SLUICE_SQS_QUEUE_NAME": "records"}
	for _, m := range regexp.MustCompile(`(?m)^#?Environment=(SLUICE_\w+)=(.*)$`).FindAllStringSubmatch(unit, -1) {
		vars[m[1]] = strings.ReplaceAll(m[2], "%d", t.TempDir())
		if strings.HasSuffix(m[1], "_FILE") {
			if err := os.WriteFile(vars[m[1]], []byte("a-secret"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(vars) != 4 {
		t.Errorf("variables = %q, want those of the unit and two of the test", vars)
	}
	s := load(t, vars)
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\w+)$`).FindStringSubmatch(unit)
	if m == nil {
		t.Fatal("there is no TimeoutStopSec")
	}
	if stop, err := time.ParseDuration(m[1]); err != nil || stop < s.Core.ShutdownTimeout+5*time.Second {
		t.Errorf("TimeoutStopSec = %v (%v), want at least 5 s more than SLUICE_SHUTDOWN_TIMEOUT (%v)", stop, err, s.Core.ShutdownTimeout)
	}
}

func TestUnitPassesSystemdAnalyze(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if strings.Contains(os.Getenv("MUST_RUN"), t.Name()) {
			t.Fatal("MUST_RUN names this test, and there is no systemd-analyze")
		}
		t.Skip("SKIPPED: no systemd-analyze on this machine")
	}
	// The program is not installed here, and verify looks for it.
	unit := strings.ReplaceAll(read(t, "systemd/sluice.service"), "/usr/bin/sluice", "/bin/true")
	unit = strings.ReplaceAll(unit, "EnvironmentFile=/etc", "EnvironmentFile=-/etc")
	path := filepath.Join(t.TempDir(), "sluice.service")
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "verify", "--man=no", path).CombinedOutput(); err != nil || strings.Contains(string(out), "sluice.service") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	const worst = "15" // exposure of at most 1.5 of 10
	if out, err := exec.CommandContext(t.Context(), tool, "security", "--no-pager", "--offline=yes", "--threshold="+worst, path).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

func TestPoliciesHaveNoWildcard(t *testing.T) {
	paths, err := filepath.Glob("iam/*.json")
	if err != nil || len(paths) != 4 {
		t.Fatalf("policies = %q, %v; want 4", paths, err)
	}
	for _, path := range paths {
		text := read(t, path)
		var policy struct {
			Version   string
			Statement []struct{ Effect, Sid string }
		}
		if err := json.Unmarshal([]byte(text), &policy); err != nil || policy.Version != "2012-10-17" || len(policy.Statement) == 0 {
			t.Errorf("%s: %+v, %v; want a policy of 2012-10-17 with statements", path, policy, err)
		}
		if strings.Contains(text, "*") {
			t.Errorf("%s has a wildcard", path)
		}
	}
	if !strings.Contains(read(t, "iam/role-trust.json"), `"sts:ExternalId"`) {
		t.Error("the trust policy does not ask for an external id")
	}
	if !strings.Contains(read(t, "README.md"), "[iam/role-trust.json]") {
		t.Error("the README does not name the trust policy")
	}
}

func TestImageStopsAndStartsAsTheDaemonWants(t *testing.T) {
	image := read(t, "Dockerfile")
	for _, want := range []string{`ENTRYPOINT ["/sluice"]`, `CMD ["run"]`, `CMD ["/sluice", "healthcheck"]`, "USER 65532:65532", "STOPSIGNAL SIGTERM", "ca-certificates.crt"} {
		if !strings.Contains(image, want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
	vars := map[string]string{"SLUICE_HTTP_URL": "https://example.org/records", "SLUICE_SQS_QUEUE_NAME": "records"}
	for _, line := range strings.Split(image, "\n") {
		if rest, ok := strings.CutPrefix(line, "ENV "); ok {
			for _, pair := range strings.Fields(rest) {
				name, value, _ := strings.Cut(pair, "=")
				vars[name] = value
			}
		}
	}
	if s := load(t, vars); s.Core.StateDir != "/state" || !strings.Contains(image, "VOLUME "+s.Core.StateDir) {
		t.Errorf("state folder = %s, want the volume of the image", s.Core.StateDir)
	}
}
