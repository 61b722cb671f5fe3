# The ordinary work of an application: each line that it prints is the same with and without pgwarden.
# With the argument "empty": how ActiveRecord empties a table.
require "json"
require "stringio"
require_relative "config/environment"

class Product < ActiveRecord::Base
  self.table_name = "Product"
  has_many :tags, dependent: :delete_all
  has_many :orders
end

class Tag < ActiveRecord::Base
  self.table_name = "Tag"
  belongs_to :product
end

class Order < ActiveRecord::Base
  self.table_name = "Order"
  belongs_to :product
end

def show(what, value)
  puts "#{what} #{value.to_json}"
end

def database
  ActiveRecord::Base.connection
end

def introspection
  show "tables", [database.tables.sort, database.views]
  show "columns", Product.columns.map { |column| [column.name, column.sql_type, column.default_function, column.null] }
  show "keys", [database.primary_key("Tag"), database.foreign_keys("Tag").map(&:to_table), database.indexes("Product").map(&:name)]
  schema = StringIO.new
  dumped = database.respond_to?(:pool) && ActiveRecord.version >= Gem::Version.new("7.2") ? database.pool : database
  ActiveRecord::SchemaDumper.dump(dumped, schema)
  show "schema", schema.string.lines
  migrations = dumped.migration_context
  show "migrations", [migrations.current_version, migrations.needs_migration?]
  migrations.migrate # finds nothing to do, and takes its advisory lock for that
end

def transactions
  Product.transaction(isolation: :serializable) do
    fox = Product.create!(name: "Fox", price_cents: 300, tags: [Tag.new(label: "fox"), Tag.new(label: "red")])
    Product.where(id: fox.id).update_all("price_cents = price_cents + 50")
    show "transaction", fox.lock!.price_cents
  end
  Tag.transaction do
    Tag.where(label: "cat").delete_all
    raise ActiveRecord::Rollback
  end
  show "rolled back", Tag.where(label: "cat").count
  Tag.transaction do
    Tag.transaction(requires_new: true) do
      Tag.where(label: "rocket").delete_all
      raise ActiveRecord::Rollback
    end
    show "savepoint", Tag.where(label: "rocket").count
  end
end

def writes
  show "batch", Tag.insert_all(Array.new(200) { |n| { product_id: n + 1, label: "batch #{n}" } }, returning: :label).length
  [100, 200].each do |price_cents|
    Product.upsert({ name: "Owl", price_cents: price_cents }, unique_by: :name)
    show "upsert", Product.find_by(name: "Owl").price_cents
  end
  show "find or create", Product.create_with(price_cents: 400).find_or_create_by!(name: "Elk").previously_new_record?
  show "create or find", Product.create_with(price_cents: 500).create_or_find_by!(name: "Elk").price_cents
  show "updated", Tag.where("label LIKE 'batch 1%'").update_all(label: "batched")
  show "deleted", Tag.where(label: %w[batched fox]).delete_all
  show "destroyed", Product.find_by(name: "Fox").destroy.destroyed?
end

def of_the_session
  show "lock", [database.get_advisory_lock(7), database.release_advisory_lock(7)]
  Product.transaction do
    database.create_table("picked", temporary: true, id: false) { |table| table.integer :id, primary_key: true }
    database.execute('INSERT INTO picked SELECT id FROM "Product" ORDER BY id LIMIT 5')
    show "temporary table", Tag.where("product_id IN (SELECT id FROM picked)").count
    database.execute("DROP TABLE pg_temp.picked")
  end
  database.execute("LISTEN shop")
  database.execute("NOTIFY shop, 'hello'")
  database.raw_connection.wait_for_notify(5) { |_, _, payload| show "notification", payload }
end

def ordinary
  introspection
  rows = Product.joins(:tags).where(price_cents: 200.., Tag: { label: "cat" }).includes(:tags, :orders).order(:id).limit(3)
  show "rows", rows.map { |product| [product.name, product.tags.map(&:label), product.orders.map(&:quantity).sort] }
  show "groups", Order.group(:quantity).order(:quantity).count
  show "view", database.select_rows("SELECT name, sold FROM bestsellers LIMIT 2")
  show "in batches", Tag.find_each(batch_size: 100).count
  show "explain", Product.where(id: 1).explain.inspect.empty?
  transactions
  writes
  of_the_session
end

ARGV == ["empty"] ? Tag.delete_all : ordinary
