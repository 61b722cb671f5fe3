class Notes < ActiveRecord::Migration[6.1]
  def change
    create_table("Note", id: :serial) { |table| table.text :body, null: false }
  end
end
