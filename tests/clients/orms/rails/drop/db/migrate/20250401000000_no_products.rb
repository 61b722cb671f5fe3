class NoProducts < ActiveRecord::Migration[6.1]
  def up
    drop_table "Product", force: :cascade
  end
end
