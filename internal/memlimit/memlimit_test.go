package memlimit

import (
	"testing"
	"testing/fstest"
)

func TestTheLeastLimitOfTheControlGroupsCounts(t *testing.T) {
	t.Parallel()
	const unlimited1 = "9223372036854771712\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"not Linux": {nil, 0},
		"container, version 2": {map[string]string{"proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"unit of systemd, version 2": {map[string]string{"proc/self/cgroup": "0::/system.slice/sluice.service\n",
			"sys/fs/cgroup/system.slice/sluice.service/memory.max": "268435456\n", "sys/fs/cgroup/system.slice/memory.max": "max\n"}, 256 << 20},
		"the slice above is tighter": {map[string]string{"proc/self/cgroup": "0::/tight.slice/sluice.service\n",
			"sys/fs/cgroup/tight.slice/sluice.service/memory.max": "268435456\n", "sys/fs/cgroup/tight.slice/memory.max": "134217728\n"}, 128 << 20},
		"no limit, version 2": {map[string]string{"proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/x/memory.max": "max\n"}, 0},
		"container, version 1, path of the host": {map[string]string{"proc/self/cgroup": "5:cpu:/ecs/1\n4:memory:/ecs/task/1\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, 1 << 30},
		"no limit, version 1": {map[string]string{"proc/self/cgroup": "4:cpu,memory:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": unlimited1, "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited1}, 0},
		"files that make no sense": {map[string]string{"proc/self/cgroup": "nonsense\n0::/../..\n", "sys/fs/cgroup/memory.max": "-5\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range c.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := cgroup(root); got != c.want {
				t.Errorf("limit %d, want %d", got, c.want)
			}
		})
	}
}
