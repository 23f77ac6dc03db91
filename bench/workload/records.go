package workload

// Records says what is sent.
type Records struct {
	Size        Size    `yaml:"size" desc:"length of a body in bytes: one size for all, or a distribution"`
	Kind        string  `yaml:"kind" one:"json text binary" default:"json" desc:"what made-up bodies are: json: objects, from 11 bytes; text: printable ASCII, from 1 byte; binary: any bytes, from 1 byte"`
	RandomRatio float64 `yaml:"random_ratio" default:"0.5" min:"0" max:"1" desc:"share of a made-up body that no compressor can take away; at most 0.8 for json and text, whose alphabet allows no more"`
	Keys        Keys    `yaml:"keys" desc:"how records are grouped"`
	Pool        int     `yaml:"pool" default:"1000" min:"1" max:"100000" desc:"number of different made-up bodies, used in turn; 256MiB together at most"`
	Sample      bool    `yaml:"sample" default:"false" desc:"the bodies are the user's: without a file of records the run is refused. A file that is given counts in any case"`
	Draw        string  `yaml:"draw" one:"cycle random" default:"cycle" desc:"how the user's bodies are used: cycle: in turn, from the first on; random: drawn by the seed"`
}

// Size is a distribution of lengths.
type Size struct {
	Dist  string `yaml:"dist" one:"fixed uniform lognormal" default:"fixed" desc:"fixed: bytes; uniform: min to max; lognormal: p50, p99 and max"`
	Bytes Bytes  `yaml:"bytes" short:"true" default:"1KiB" min:"1B" max:"10MiB" desc:"fixed: the length; size: 1KiB is short for size: {dist: fixed, bytes: 1KiB}"`
	Min   Bytes  `yaml:"min" min:"1B" max:"10MiB" desc:"uniform: the shortest"`
	P50   Bytes  `yaml:"p50" min:"1B" max:"10MiB" desc:"lognormal: half of the bodies are no longer"`
	P99   Bytes  `yaml:"p99" min:"1B" max:"10MiB" desc:"lognormal: 99 of 100 bodies are no longer"`
	Max   Bytes  `yaml:"max" min:"1B" max:"10MiB" desc:"uniform, lognormal: the longest; a lognormal length above it becomes it"`
}

// Keys says how records are grouped.
type Keys struct {
	N    int     `yaml:"n" default:"0" min:"0" max:"1000000" desc:"number of different keys; 0: records have none"`
	Zipf float64 `yaml:"zipf" default:"0" min:"0" max:"5" desc:"exponent of their frequencies: the k-th key is drawn 1/k^zipf as often as the first; 0: all alike"`
}
