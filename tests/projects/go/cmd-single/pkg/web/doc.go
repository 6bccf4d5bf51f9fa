// Package web serves.
package web
