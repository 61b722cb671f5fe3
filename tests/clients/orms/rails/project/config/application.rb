require "rails"
require "active_record/railtie"

# The database is the one of DATABASE_URL.
class Shop < Rails::Application
  config.eager_load = false
  config.logger = Logger.new(nil)
end
