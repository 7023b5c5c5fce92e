package term

import (
	"strconv"
	"time"
)

// Bytes returns a size for people, in binary units: "512 B", "1.5 MiB".
func Bytes(n int64) string {
	const unit = 1024
	if n < unit && n > -unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, suffix := float64(n)/unit, "KMGTPE"
	for (value >= unit || value <= -unit) && len(suffix) > 1 {
		value /= unit
		suffix = suffix[1:]
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + suffix[:1] + "iB"
}

// Rate returns bytes per second for people. Without time it is "-".
func Rate(n int64, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return Bytes(int64(float64(n)/d.Seconds())) + "/s"
}

// Took returns a duration for people with two or three significant digits:
// "3 ms", "1.25 s", "2m5s".
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	}
	return d.Round(time.Second).String()
}

// Ago returns the age of t at now in one unit: "8s", "3m", "2h", "5d". The zero
// time gives "-".
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}
