package advise

import "testing"

func TestNumber(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]string{
		0: "0", 0.00123: "0.00123", 1.5: "1.5", 22.727: "22.7", 999.4: "999", 999.5: "1,000", 999.99: "1,000", 1000: "1,000",
		1234.4: "1,234", 12_345_678: "12,345,678", 2e15: "2e+15",
	} {
		if got := number(x); got != want {
			t.Errorf("%v is printed as %q, want %q", x, got, want)
		}
	}
}
