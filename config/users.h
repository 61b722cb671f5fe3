// The users that log in to pgwarden.
#pragma once

#include <vector>

#include "config/auth.h"
#include "config/values.h"

namespace pgwarden::config {

/// Reads the values of the keys `users` and `users_file` of `root`; what is wrong with the file of the latter
/// goes to `of_file`.
Users read_users(const Fields& root, std::vector<Diagnostic>& of_file);

/// The password that one of the keys "password", "password_env" and "password_file" gives, as far as these
/// are keys of `fields`. Two of them, and a password that is empty or cannot be had, are problems.
protocol::Secret read_password(const Fields& fields);

}  // namespace pgwarden::config
