class Description < ActiveRecord::Migration[6.1]
  def change
    add_column "Product", :description, :text
  end
end
