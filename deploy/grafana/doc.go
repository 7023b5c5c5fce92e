// Package grafana holds a dashboard for Grafana, millrace.json: import it, and choose the
// Prometheus that scrapes the mill. Its tests hold it to what a mill really measures.
package grafana
