// Package transport delivers records. A Transport is the driver of one destination and makes one attempt; the Deliverer
// packs, paces, retries and times, for every driver alike. The daemon and the benchmark use the same two.
package transport
