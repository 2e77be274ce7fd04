//! Passwords, sessions, tickets and roles.
